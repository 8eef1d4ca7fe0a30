//! What the schedule keeps of each step.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;

use crate::id::StepId;
use crate::journal::{Change, FailureKind};
use crate::site::Closed;

/// A step in a queue: the one with the longest way behind it comes first.
pub(super) type Turn = (u64, Reverse<StepId>);

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) attempt: u32,
    pub(super) since: Option<Timestamp>,
    /// When this attempt was applied, and how often it is looked at since.
    pub(super) applied: Option<(Timestamp, Duration)>,
    pub(super) change: Change,
    /// It was settled, and is only looked at again: that takes nobody away.
    pub(super) again: bool,
}

impl State {
    pub(super) const FRESH: Self =
        Self { phase: Phase::Pending, attempt: 1, since: None, applied: None, change: Change::None, again: false };
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    Pending,
    Ready,
    /// It waits for a lock, by its place in the list of locks.
    Parked(u32),
    /// It waits until its nodes may be taken away.
    Barred(Bar),
    /// It waits for a window.
    Shut(Box<Closed>),
    /// Somebody holds it.
    Held,
    Running,
    Settling {
        reason: String,
        until: Timestamp,
    },
    Backoff {
        error: String,
        until: Timestamp,
    },
    Settled,
    Skipped {
        reason: String,
    },
    Failed {
        error: String,
        kind: FailureKind,
    },
    Blocked {
        by: StepId,
    },
}

impl Phase {
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Settled | Self::Skipped { .. } | Self::Failed { .. } | Self::Blocked { .. })
    }

    /// Whether those behind it may go on.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Settled | Self::Skipped { .. })
    }
}

/// Why a budget does not let a step begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    /// The budget, by its place in the plan's budgets.
    pub(super) budget: u32,
    pub(super) why: BarredBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BarredBy {
    /// As many members as allowed are away.
    Count,
    /// One in another failure domain is away.
    Domain,
    /// The health of those who stay has to be seen first.
    Gate,
}
