//! What went wrong for a whole change; each of those that it was made for is told.

use dip_core::provider::ErrorKind;

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
}
