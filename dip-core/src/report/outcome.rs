//! How a run ended, in one word.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::{Schedule, Status};
use crate::id::StepId;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is as wanted.
    Ready,
    /// A step failed, or is blocked by one that did.
    Failed,
    /// It was asked to stop before its end.
    Interrupted,
}

impl Outcome {
    /// The outcome of a schedule that is finished.
    pub(crate) fn of(schedule: &Schedule) -> Self {
        let mut worst = Self::Ready;
        for index in 0..schedule.plan().steps().len() {
            match schedule.status(StepId::at(index)) {
                Status::Settled(_) | Status::Skipped { .. } => {}
                Status::Failed { .. } | Status::Blocked { .. } => return Self::Failed,
                Status::Waiting(_) | Status::Running { .. } => worst = Self::Interrupted,
            }
        }
        worst
    }

    /// The exit status of a program that did just this run: 0 ready, 1 failed, 130 interrupted.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Failed => 1,
            Self::Interrupted => 130,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        })
    }
}
