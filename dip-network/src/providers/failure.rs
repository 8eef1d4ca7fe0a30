//! What went wrong with a DHCP server, in words; one that befalls a whole change is told to each of those that it was made for.

use dip_core::provider::{ErrorKind, ProviderError};

/// A failure that is told to many: it can be cloned, which a provider's error cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) why: String,
    pub(super) advice: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), advice: None }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// As the error of a provider, in what it did.
    pub(super) fn told(self, provider: &'static str, action: String) -> ProviderError {
        let error = ProviderError::new(self.kind, provider, action);
        let error = match &self.advice {
            Some(advice) => error.advise(format!("{}; {advice}", self.why)),
            None => error,
        };
        error.because(self)
    }
}
