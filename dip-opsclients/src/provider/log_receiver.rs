//! A receiver of logs, as far as it can be seen what arrived there.

use async_trait::async_trait;
use dip_core::provider::ProviderError;

/// Who can tell whether a message has arrived at a receiver of logs.
///
/// # Contract
/// * It reads only.
/// * A receiver that can be read and has nothing like it is `Ok(None)`; one that cannot be read is an error.
#[async_trait]
pub trait LogReceiver: Send + Sync {
    /// The line that holds a mark.
    async fn find(&self, mark: &str) -> Result<Option<String>, ProviderError>;
}
