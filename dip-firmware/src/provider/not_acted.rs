//! The mark of a call that cannot have acted.

use std::error::Error;
use std::fmt;

use dip_core::provider::ProviderError;

/// The cause of a failure, with the promise that nothing was changed: nobody listened, no session could be opened, the
/// controller refused. Only with this mark among its causes may a failed change be tried by another protocol.
///
/// ```
/// use dip_core::provider::{ErrorKind, ProviderError};
/// use dip_firmware::provider::NotActed;
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = ProviderError::new(ErrorKind::Unreachable, "ipmi", "switch on n1").because(NotActed::new(refused));
/// assert!(NotActed::is_cause_of(&error));
/// ```
#[derive(Debug)]
pub struct NotActed(Box<dyn Error + Send + Sync>);

impl NotActed {
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

/// Whether one of the causes of an error is of a type.
pub(super) fn is_cause<T: Error + 'static>(error: &ProviderError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = next {
        if cause.is::<T>() {
            return true;
        }
        next = cause.source();
    }
    false
}

impl fmt::Display for NotActed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotActed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
