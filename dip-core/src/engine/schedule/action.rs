//! What a schedule asks its driver to do.

use std::time::Duration;

use jiff::Timestamp;

use crate::fact::Facts;
use crate::id::StepId;
use crate::journal::Change;

/// Something to be done now.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Work on a step.
    Start(Start),
    /// Look at the health of those whom a budget protects.
    Look(Look),
    /// Record a step as settled without looking: no value that it works with has changed.
    Settle {
        /// The step.
        step: StepId,
        /// Its facts, as they were known.
        facts: Facts,
    },
    /// Record a step as failed: what it waits for cannot come.
    Fail {
        /// The step.
        step: StepId,
        /// Why, as a sentence.
        error: String,
    },
}

impl Action {
    /// The step to be worked on, where it is that.
    #[must_use]
    pub const fn start(&self) -> Option<&Start> {
        match self {
            Self::Start(start) => Some(start),
            Self::Look(_) | Self::Settle { .. } | Self::Fail { .. } => None,
        }
    }
}

/// A step that should be worked on now. It counts as running until a record tells how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The step.
    pub step: StepId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When the step's patience ends.
    pub deadline: Timestamp,
    /// For a step that was applied and is waited for: since when, and the pause between two looks.
    pub applied: Option<(Timestamp, Duration)>,
    /// Whether this run has changed anything for the step so far.
    pub change: Change,
}

/// A look at a health gate. It counts as going on until a record tells what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The budget, by its place in the plan's budgets.
    pub budget: u32,
    /// A step that waits for the gate.
    pub asked_by: StepId,
}
