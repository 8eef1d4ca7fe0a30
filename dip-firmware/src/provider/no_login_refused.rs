//! The mark of a denial by which no password was refused.

use std::error::Error;
use std::fmt;

use dip_core::provider::ProviderError;

use super::not_acted::is_cause;

/// The cause of a [`Denied`](dip_core::provider::ErrorKind::Denied), with the promise that no password was refused: the user has got in
/// and lacks a privilege, or no password was sent at all. A controller that locks users after wrong logins does not count it as one.
///
/// ```
/// use dip_core::provider::{ErrorKind, ProviderError};
/// use dip_firmware::provider::NoLoginRefused;
/// let why = "the user may only read";
/// let error = ProviderError::new(ErrorKind::Denied, "ipmi", "switch on n1").because(NoLoginRefused::new(why));
/// assert!(NoLoginRefused::is_cause_of(&error));
/// ```
#[derive(Debug)]
pub struct NoLoginRefused(Box<dyn Error + Send + Sync>);

impl NoLoginRefused {
    /// Marks a cause.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }

    /// Whether an error is marked.
    #[must_use]
    pub fn is_cause_of(error: &ProviderError) -> bool {
        is_cause::<Self>(error)
    }
}

impl fmt::Display for NoLoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NoLoginRefused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The cause itself, which may be marked too.
        Some(&*self.0)
    }
}
