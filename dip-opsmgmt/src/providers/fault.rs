//! A failure of a server that many callers share, each of whom tells it with what it wanted.

use std::error::Error as StdError;
use std::sync::Arc;

use dip_core::provider::{ErrorKind, ProviderError, Retry};

/// What went wrong with a message.
#[derive(Debug, Clone)]
pub struct Fault {
    kind: ErrorKind,
    reach: Reach,
    retry: Option<Retry>,
    advice: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Something in the message: parts of it may do.
    Message,
    /// The server or the way to it: no message will do now.
    Server,
}

impl Fault {
    pub(crate) const fn new(kind: ErrorKind, reach: Reach) -> Self {
        Self { kind, reach, retry: None, advice: None, source: None }
    }

    pub(crate) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(crate) const fn retry_as(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    pub(crate) const fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) const fn reach(&self) -> Reach {
        self.reach
    }

    /// The failure of one who wanted this of the server.
    pub(crate) fn of(self, provider: &'static str, action: &str) -> ProviderError {
        let mut error = ProviderError::new(self.kind, provider, action);
        if let Some(retry) = self.retry {
            error = error.retry_as(retry);
        }
        if let Some(advice) = self.advice {
            error = error.advise(advice);
        }
        match self.source {
            Some(source) => error.because(source),
            None => error,
        }
    }
}
