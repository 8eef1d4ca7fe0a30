//! Work with files, where waiting for a disk holds up nobody.

use dip_core::provider::{ErrorKind, ProviderError};
use tokio::task::{JoinError, spawn_blocking};

/// Does one thing.
#[cfg(any(feature = "csv", feature = "directory", feature = "prometheus"))]
pub(super) async fn one<T: Send + 'static>(
    product: &'static str,
    action: String,
    act: impl FnOnce() -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    spawn_blocking(act).await.unwrap_or_else(|error| Err(ended(product, &action, &error)))
}

/// Does what several callers want together; each has an answer of its own.
#[cfg(any(feature = "csv", feature = "dnsmasq-hosts", feature = "prometheus"))]
pub(super) async fn all<T: Send + 'static>(
    product: &'static str,
    actions: impl Iterator<Item = &str>,
    act: impl FnOnce() -> Vec<Result<T, ProviderError>> + Send + 'static,
) -> Vec<Result<T, ProviderError>> {
    match spawn_blocking(act).await {
        Ok(done) => done,
        Err(error) => actions.map(|action| Err(ended(product, action, &error))).collect(),
    }
}

fn ended(product: &'static str, action: &str, error: &JoinError) -> ProviderError {
    ProviderError::new(ErrorKind::Unexpected, product, action)
        .advise(format!("its files could not be looked at: {error}"))
}
