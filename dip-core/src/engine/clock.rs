//! What time it is. The engine asks a clock, so that a simulation can have a time of its own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The time of the machine, except that it never goes back: a clock that is set back by an hour during a run (machines that
/// provision others are often the first to hear of the right time) would make every pause and deadline an hour longer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// An instant of this process, and the greatest lead that the machine's time ever had over it, in nanoseconds.
static START: LazyLock<(Instant, Timestamp)> = LazyLock::new(|| (Instant::now(), Timestamp::now()));
static LEAD: AtomicI64 = AtomicI64::new(0);

/// The time after `elapsed` since `start`, where the machine says that it is `said`: at least what was told before.
fn steady(start: Timestamp, elapsed: Duration, said: Timestamp, lead: &AtomicI64) -> Timestamp {
    let flown = after(start, elapsed);
    let now = i64::try_from(said.duration_since(flown).as_nanos()).unwrap_or(0);
    let lead = lead.fetch_max(now, Ordering::Relaxed).max(now);
    flown.saturating_add(SignedDuration::from_nanos(lead)).unwrap_or(Timestamp::MAX)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let (instant, start) = *START;
        steady(start, instant.elapsed(), Timestamp::now(), &LEAD)
    }
}

/// A time that moves with tokio's clock from a fixed start: in a paused runtime it is virtual, and the same in every run.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    epoch: Timestamp,
    start: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `epoch` now. Call it within a tokio runtime.
    #[must_use]
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self { epoch, start: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// A pause after a time; the end of all times where that is too far.
pub(super) fn after(at: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    at.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_and_one_that_is_set_forward_is_believed() {
        let start: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let lead = AtomicI64::new(0);
        let at = |seconds: i64| start + SignedDuration::from_secs(seconds);
        let now = |elapsed, said| steady(start, Duration::from_secs(elapsed), at(said), &lead);
        assert_eq!(now(10, 10), at(10));
        assert_eq!(now(20, 20 - 3600), at(20));
        assert_eq!(now(30, 30 + 60), at(90));
        assert_eq!(now(40, 40), at(100));
    }
}
