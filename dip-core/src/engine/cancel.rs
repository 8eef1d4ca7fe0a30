//! Stopping a run: first gently, then at once.

use tokio_util::sync::CancellationToken;

/// Asks a run to stop. Clones ask the same run.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    drain: CancellationToken,
    abandon: CancellationToken,
}

impl Stop {
    /// A run that nobody has asked to stop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks once more: the first time no new step starts, waits are released and running applies end; the second time they
    /// are abandoned, in a state that a later check can see.
    pub fn ask(&self) {
        if self.drain.is_cancelled() {
            self.abandon.cancel();
        }
        self.drain.cancel();
    }

    /// Fires when no new step should start.
    #[must_use]
    pub const fn draining(&self) -> &CancellationToken {
        &self.drain
    }

    /// Fires when running steps should be abandoned.
    #[must_use]
    pub const fn abandoned(&self) -> &CancellationToken {
        &self.abandon
    }
}
