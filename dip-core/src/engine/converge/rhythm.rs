//! When to look again: at even times from the first look on, so that slow looks do not make the next ones later and later.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Even times from a start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    start: Timestamp,
    every: Duration,
}

impl Rhythm {
    /// A rhythm that starts at a time. A pause of less than a second counts as one.
    #[must_use]
    pub fn new(start: Timestamp, every: Duration) -> Self {
        Self { start, every: every.max(Duration::from_secs(1)) }
    }

    /// The first of its times after `now`. Those that a slow look has missed are left out: nothing is made up for.
    #[must_use]
    pub fn after(&self, now: Timestamp) -> Timestamp {
        let gone = Duration::try_from(now.duration_since(self.start)).unwrap_or_default();
        let beats = gone.as_nanos() / self.every.as_nanos() + 1;
        let span = beats.saturating_mul(self.every.as_nanos());
        let span = SignedDuration::from_nanos(i64::try_from(span).unwrap_or(i64::MAX));
        self.start.saturating_add(span).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_look_makes_no_later_one_late_and_those_it_missed_are_left_out() {
        let start: Timestamp = "2026-01-01T08:00:00Z".parse().expect("a time");
        let rhythm = Rhythm::new(start, Duration::from_secs(600));
        let at = |seconds: i64| start + SignedDuration::from_secs(seconds);
        for (now, next) in [(0, 600), (1, 600), (599, 600), (600, 1200), (640, 1200), (1900, 2400)] {
            assert_eq!(rhythm.after(at(now)), at(next), "{now}");
        }
        assert_eq!(Rhythm::new(start, Duration::ZERO).after(start), at(1), "nobody looks all the time");
    }
}
