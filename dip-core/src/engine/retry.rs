//! When a failed attempt is tried again.

use std::time::Duration;

use crate::provider::Retry;

/// The pause before the attempt after `attempt`; `None` where trying again cannot help.
///
/// It doubles from one second up to 30: short enough that a restarted server is found within its own start time, long
/// enough that a rack of waiting steps does not keep it from starting.
#[must_use]
pub(crate) fn pause(retry: Retry, attempt: u32) -> Option<Duration> {
    match retry {
        Retry::Never => None,
        // A server that says "at once" is not asked all the time all the same.
        Retry::After(pause) => Some(pause.max(Duration::from_secs(1))),
        Retry::Backoff => Some(Duration::from_secs(1 << attempt.saturating_sub(1).min(5)).min(Duration::from_secs(30))),
    }
}
