//! How services rate a part.

use super::resource::Status;
use crate::provider::Health;

/// The health of a part, if it is told.
pub(super) fn health(status: Option<&Status>) -> Option<Health> {
    severity(status?.health.as_deref()?)
}

/// A word for health or severity; an event that is no fault is `OK`.
pub(super) fn severity(word: &str) -> Option<Health> {
    match word {
        "OK" => Some(Health::Ok),
        "Warning" => Some(Health::Warning),
        "Critical" => Some(Health::Critical),
        _ => None,
    }
}
