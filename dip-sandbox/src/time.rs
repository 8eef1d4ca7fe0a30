//! The time of the simulated datacenter: it starts at zero, follows tokio's clock and never goes back.

use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The date at which every simulation starts: 2026-01-05, a Monday, 08:00 UTC.
const EPOCH: i64 = 1_767_600_000;

/// How fast the simulation goes against tokio's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// One second of the simulation is one second of tokio's clock; in a runtime whose clock is paused that is no time at all.
    #[default]
    AsTokio,
    /// One second of tokio's clock is so many seconds of the simulation: to watch it in a runtime that is not paused.
    Faster(u32),
}

impl Pace {
    const fn factor(self) -> u32 {
        match self {
            Self::AsTokio | Self::Faster(0) => 1,
            Self::Faster(factor) => factor,
        }
    }
}

/// Tells the simulation's time and waits in it.
#[derive(Debug)]
pub(crate) struct Time {
    pace: Pace,
    state: Mutex<Anchor>,
}

#[derive(Debug, Default)]
struct Anchor {
    /// The instant of tokio's clock that `base` belongs to.
    at: Option<Instant>,
    base: Duration,
    last: Duration,
}

impl Time {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, state: Mutex::default() }
    }

    /// The time since the simulation started.
    pub(crate) fn now(&self) -> Duration {
        let now = Instant::now();
        let mut state = self.state.lock().expect("no holder of the clock's lock panics");
        let at = *state.at.get_or_insert(now);
        let elapsed = now.saturating_duration_since(at).saturating_mul(self.pace.factor());
        let mut time = state.base + elapsed;
        if time < state.last {
            // Another runtime with a clock of its own goes on with the same datacenter: it goes on where the last one stopped.
            state.at = Some(now);
            state.base = state.last;
            time = state.last;
        }
        state.last = time;
        time
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / self.pace.factor()).await;
    }

    /// The simulation's time as a date.
    pub(crate) fn date(&self) -> Timestamp {
        let epoch = Timestamp::from_second(EPOCH).expect("the epoch is a date that jiff can hold");
        let elapsed = SignedDuration::try_from(self.now()).unwrap_or(SignedDuration::MAX);
        epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
    }

    #[test]
    fn time_follows_tokio_and_goes_on_in_another_runtime() {
        let time = Time::new(Pace::AsTokio);
        paused().block_on(async {
            assert_eq!(time.now(), Duration::ZERO);
            time.sleep(Duration::from_secs(600)).await;
            assert!(time.now() >= Duration::from_secs(600));
        });
        paused().block_on(async {
            let before = time.now();
            assert!(before >= Duration::from_secs(600));
            time.sleep(Duration::from_secs(60)).await;
            assert!(time.now() >= before + Duration::from_secs(60));
        });
    }

    #[test]
    fn a_faster_pace_sleeps_less_and_counts_the_same() {
        let time = Time::new(Pace::Faster(100));
        paused().block_on(async {
            let start = Instant::now();
            time.now();
            time.sleep(Duration::from_secs(100)).await;
            assert!(start.elapsed() < Duration::from_secs(2));
            assert!(time.now() >= Duration::from_secs(99));
        });
    }
}
