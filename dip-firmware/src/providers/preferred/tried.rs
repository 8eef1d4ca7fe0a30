//! Who was asked, and what came of it.

use std::fmt;

use dip_core::provider::{ErrorKind, ProviderError, Retry, sentence};

use crate::provider::{NoLoginRefused, NotActed, Promises};

/// The protocols that were asked, in order, each with its error.
#[derive(Debug, Default)]
pub(super) struct Tried(Vec<(&'static str, ProviderError)>);

impl Tried {
    pub(super) fn push(&mut self, protocol: &'static str, error: ProviderError) {
        self.0.push((protocol, error));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them failed so.
    pub(super) fn has(&self, kind: ErrorKind) -> bool {
        self.0.iter().any(|(_, error)| error.kind() == kind)
    }

    /// One error for all: the class of the first that can be tried again, else of the first that is more than "unsupported".
    pub(super) fn into_error(self, action: String) -> ProviderError {
        let errors = || self.0.iter().map(|(_, error)| error);
        let telling = errors()
            .find(|error| error.retry() != Retry::Never)
            .or_else(|| errors().find(|error| error.kind() != ErrorKind::Unsupported));
        // The last one decides where it ended the call: it may have acted, or refused the credentials.
        let last = errors().next_back().filter(|error| error.kind() == ErrorKind::Denied);
        let (kind, retry) =
            last.or(telling).map_or((ErrorKind::Unsupported, Retry::Never), |error| (error.kind(), error.retry()));
        // A call ends with the first denial: the last one is the only one.
        let no_login_refused = last.is_some_and(NoLoginRefused::is_cause_of);
        let not_acted = errors().all(|error| error.kind() == ErrorKind::Unsupported || NotActed::is_cause_of(error));
        let error = ProviderError::new(kind, "bmc", action).retry_as(retry);
        Promises { no_login_refused, not_acted }.mark(error, self)
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried ")?;
        for (index, (name, error)) in self.0.iter().enumerate() {
            let separator = if index > 0 { "; then " } else { "" };
            write!(f, "{separator}{name} ({})", sentence(error))?;
        }
        Ok(())
    }
}

impl std::error::Error for Tried {}
