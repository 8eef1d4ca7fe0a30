//! Where a step stands in a run, and why it does not go on.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::{Change, FailureKind};
use crate::step::{Lock, StepName};

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It does not go on now.
    Waiting(Waiting),
    /// A worker has it.
    Running {
        /// The attempt, from 1.
        attempt: u32,
        /// Since when the step is worked on, waits included.
        since: Option<Timestamp>,
    },
    /// It is as wanted.
    Settled(Change),
    /// It failed.
    Failed {
        /// Why.
        error: String,
        /// In which way.
        kind: FailureKind,
    },
    /// It can never start, because another one failed.
    Blocked {
        /// The one that failed.
        by: StepName,
    },
}

/// Why a step does not go on now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// What it needs is not there yet.
    Needs(Vec<String>),
    /// As many steps as allowed are being worked on.
    Limit {
        /// How many that is.
        workers: usize,
    },
    /// Another one holds a lock that it needs.
    Lock(Lock),
    /// It was asked for and takes its time.
    Settling {
        /// What is waited for.
        reason: String,
        /// Since when.
        since: Option<Timestamp>,
        /// When it is looked at again.
        next: Timestamp,
    },
    /// An attempt failed, and another one comes.
    Backoff {
        /// Why it failed.
        error: String,
        /// The attempt that comes.
        attempt: u32,
        /// When it comes.
        next: Timestamp,
    },
    /// The run is stopping.
    Stopped,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs(needs) => {
                const SHOWN: usize = 3;
                write!(f, "waits for {}", needs[..needs.len().min(SHOWN)].join(", "))?;
                match needs.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Limit { workers } => write!(f, "waits for one of {workers} workers"),
            Self::Lock(lock) => write!(f, "waits for the lock {lock}"),
            Self::Settling { reason, since, .. } => {
                write!(f, "waits for {reason}")?;
                since.map_or(Ok(()), |since| write!(f, " since {since:.0}"))
            }
            Self::Backoff { error, attempt, next } => {
                write!(f, "waits for attempt {attempt} at {next:.0}, because {error}")
            }
            Self::Stopped => f.write_str("the run is stopping"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(waiting) => waiting.fmt(f),
            Self::Running { attempt: 1, .. } => f.write_str("is being worked on"),
            Self::Running { attempt, .. } => write!(f, "is being worked on, attempt {attempt}"),
            Self::Settled(Change::None) => f.write_str("was as wanted"),
            Self::Settled(Change::Made) => f.write_str("was made so"),
            Self::Failed { error, kind: FailureKind::Conflict } => write!(f, "was left alone: {error}"),
            Self::Failed { error, .. } => write!(f, "failed: {error}"),
            Self::Blocked { by } => write!(f, "cannot start, because `{by}` failed"),
        }
    }
}
