//! What a failed call promises beside its kind, as marks of its cause.

use std::error::Error;

use dip_core::provider::ProviderError;

use super::no_login_refused::NoLoginRefused;
use super::not_acted::NotActed;

/// What is known of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promises {
    /// No password was refused ([`NoLoginRefused`]).
    pub(crate) no_login_refused: bool,
    /// Nothing was changed ([`NotActed`]).
    pub(crate) not_acted: bool,
}

impl Promises {
    /// The error with its cause, marked.
    pub(crate) fn mark(self, error: ProviderError, cause: impl Into<Box<dyn Error + Send + Sync>>) -> ProviderError {
        let cause = cause.into();
        // The outer mark shows its cause, and the inner one hides its own: the other way round the inner mark would not be found.
        let cause = if self.not_acted { NotActed::new(cause).into() } else { cause };
        if self.no_login_refused { error.because(NoLoginRefused::new(cause)) } else { error.because(cause) }
    }
}
