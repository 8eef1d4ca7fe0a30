//! Commands: what people and programs ask of a run while it goes on. They are journaled, so that a replay obeys them too.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::id::NodeName;
use crate::step::StepName;

/// What is asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Tries a failed step again, with fresh patience; what it had blocked can go on.
    Retry {
        /// The step.
        step: StepName,
    },
    /// Goes on as if a step were done. What it would have brought about is not there, and nobody learns its facts.
    Skip {
        /// The step.
        step: StepName,
        /// Why it may be left out.
        reason: String,
    },
    /// Starts nothing new: the whole run, or one step of it.
    Hold {
        /// The step; the whole run where none is named.
        step: Option<StepName>,
        /// Why.
        reason: String,
    },
    /// Ends all holds and pauses, or those of one step.
    Continue {
        /// The step; all where none is named.
        step: Option<StepName>,
    },
    /// A node is away for a reason that is not of this run: it counts against the budgets of its clusters.
    Down {
        /// The node.
        node: NodeName,
        /// Why.
        reason: String,
    },
    /// A node that was away is back.
    Up {
        /// The node.
        node: NodeName,
    },
}

impl Command {
    /// The step that it is about.
    #[must_use]
    pub const fn step(&self) -> Option<&StepName> {
        match self {
            Self::Retry { step } | Self::Skip { step, .. } => Some(step),
            Self::Hold { step, .. } | Self::Continue { step } => step.as_ref(),
            Self::Down { .. } | Self::Up { .. } => None,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { step } => write!(f, "retry `{step}`"),
            Self::Skip { step, reason } => write!(f, "skip `{step}`: {reason}"),
            Self::Hold { step: Some(step), reason } => write!(f, "hold `{step}`: {reason}"),
            Self::Hold { step: None, reason } => write!(f, "hold the run: {reason}"),
            Self::Continue { step: Some(step) } => write!(f, "continue `{step}`"),
            Self::Continue { step: None } => f.write_str("continue"),
            Self::Down { node, reason } => write!(f, "{node} is down: {reason}"),
            Self::Up { node } => write!(f, "{node} is up again"),
        }
    }
}

/// A command with who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// A name that no other order of the run has, so that none is obeyed twice.
    pub id: String,
    /// Who gave it.
    pub by: String,
    /// What is asked.
    pub command: Command,
}

impl Order {
    /// An order of somebody, with a name of its own.
    #[must_use]
    pub fn new(by: &str, command: Command) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let id = format!("{:x}-{}-{}", now.as_nanos(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { id, by: by.to_owned(), command }
    }
}
