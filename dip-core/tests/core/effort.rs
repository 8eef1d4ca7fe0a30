//! How long a test's own thread has worked: a busy machine makes a test wait, and not work more.

use std::time::{Duration, Instant};

/// From when on work counts.
pub(crate) struct Effort {
    began: Instant,
    worked: Option<Duration>,
}

impl Effort {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), worked: worked() }
    }

    /// Where the system does not tell the time on the processor, it is the time that passed.
    pub(crate) fn so_far(&self) -> Duration {
        match (self.worked, worked()) {
            (Some(before), Some(now)) => now - before,
            _ => self.began.elapsed(),
        }
    }
}

/// What Linux counts for this thread (proc_pid_schedstat: nanoseconds on the processor come first).
fn worked() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
