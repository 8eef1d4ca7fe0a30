//! What happens in a run, as data: the journal is a list of these, and a run is the replay of its journal.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::engine::Limits;
use crate::fact::Facts;
use crate::guard::{Approval, Consent};
use crate::id::StepId;
use crate::operation::Diff;
use crate::plan::{Plan, PlanId};
use crate::report::Outcome;

/// The version of the form that records have on disk.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
///
/// What was added within a version is left out by those who write less and passed over by those who read less: the limits of
/// `opened`.
pub const RECORD_VERSION: u32 = 1;

/// An event with its place and time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Its number in the run, from 0, without a gap.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Something that happened in a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A run began. Always the first record.
    Began {
        /// The form of this and all further records.
        version: u32,
        /// The run.
        run: String,
        /// What it carries out.
        plan: Arc<Plan>,
    },
    /// A process took the run over; the first does so too.
    Opened {
        /// Who it is.
        owner: Owner,
        /// Its fence: one more than that of the owner before it.
        fence: u64,
        /// How much it lets go on at once, for those who read why a step waits. Journals from before that have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<Limits>,
    },
    /// Somebody has approved the plan.
    Approved {
        /// Who, when, and for which ticket.
        approval: Approval,
    },
    /// Somebody has consented to what the plan erases.
    Consented {
        /// Who, to what, why and until when.
        consent: Consent,
    },
    /// A worker looks at a step.
    Started {
        /// The step.
        step: StepId,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// It is about to be made so. On disk before the effect.
    Applying {
        /// The step.
        step: StepId,
        /// The attempt, from 1.
        attempt: u32,
        /// What differs.
        diff: Diff,
    },
    /// It was asked for, and is not so yet; nobody is held up by waiting.
    Waiting {
        /// The step.
        step: StepId,
        /// What is waited for.
        reason: String,
        /// When it is looked at again.
        until: Timestamp,
        /// The pause between two looks.
        poll: Duration,
        /// Whether anything was changed for it, or it is only watched.
        change: Change,
    },
    /// It is so.
    Settled {
        /// The step.
        step: StepId,
        /// Whether this run has changed anything for it.
        change: Change,
        /// What was seen.
        facts: Facts,
    },
    /// An attempt failed, and another one comes.
    Retrying {
        /// The step.
        step: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// Why, as a sentence.
        error: String,
        /// When the next one comes.
        until: Timestamp,
    },
    /// It failed for good.
    Failed {
        /// The step.
        step: StepId,
        /// Why, as a sentence.
        error: String,
        /// Whether somebody else holds what would have had to change.
        kind: FailureKind,
    },
    /// Somebody asked something of the run, and it was obeyed.
    Ordered(Order),
    /// The health of those whom a budget protects was looked at, before somebody is taken away.
    Looked {
        /// The budget, by its place in the plan's budgets.
        budget: u32,
        /// Whether all is well enough to go on, and why not.
        health: Health,
    },
    /// No new step starts; running ones end.
    Stopping,
    /// The run ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// How long this owner worked on it.
        took: Duration,
    },
}

/// What a look at a health gate told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well enough.
    Good,
    /// It is not; why, as a fragment.
    Poor(String),
}

/// Whether a run has changed anything for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was so already.
    None,
    /// It was made so.
    Made,
}

/// How a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It could not be done.
    Error,
    /// Somebody else holds what would have had to change; it was left alone.
    Conflict,
    /// It was done, and did not come true in time.
    Unsettled,
    /// It may not be done: nobody consents any more, or whoever runs it has no right to.
    Refused,
}

/// Who works on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The host that the process runs on.
    pub host: String,
    /// The user that it runs as.
    pub user: String,
    /// Its process id.
    pub process: u32,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn this_process() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim_end().to_owned());
        Self {
            host: host.or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "unknown".to_owned()),
            user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned()),
            process: std::process::id(),
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} of {} on {}", self.process, self.user, self.host)
    }
}

impl Event {
    /// The step that it is about.
    #[must_use]
    pub const fn step(&self) -> Option<StepId> {
        match self {
            Self::Started { step, .. }
            | Self::Applying { step, .. }
            | Self::Waiting { step, .. }
            | Self::Settled { step, .. }
            | Self::Retrying { step, .. }
            | Self::Failed { step, .. } => Some(*step),
            Self::Began { .. }
            | Self::Opened { .. }
            | Self::Approved { .. }
            | Self::Consented { .. }
            | Self::Ordered(_)
            | Self::Looked { .. }
            | Self::Stopping
            | Self::Ended { .. } => None,
        }
    }

    /// The plan's id, for the record that carries a plan.
    #[must_use]
    pub fn plan_id(&self) -> Option<&PlanId> {
        match self {
            Self::Began { plan, .. } => Some(plan.id()),
            _ => None,
        }
    }
}
