//! Where a step stands in a run, and why it does not go on.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{NodeName, Symbol};
use crate::journal::{Change, FailureKind};
use crate::step::StepName;

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
    /// It was left out, because somebody said so.
    Skipped {
        /// Why.
        reason: String,
    },
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
    /// Nothing is in its way: it starts as soon as somebody who works on the run comes to it.
    Turn,
    /// As many steps as allowed are being worked on.
    Limit {
        /// How many that is.
        workers: usize,
    },
    /// Others hold so much of a lock that it needs that there is not enough left.
    Lock {
        /// The lock.
        lock: Symbol,
        /// How many units there are.
        capacity: u32,
        /// Why not more.
        reason: String,
    },
    /// Those whom a budget protects: as many are away as may be, or one in another failure domain.
    Budget {
        /// Whose budget.
        budget: Symbol,
        /// How many may be away at once; `None` where it is for another failure domain.
        max: Option<u32>,
        /// Who is away.
        away: Vec<NodeName>,
    },
    /// The health of those who would stay has to be good first.
    Gate {
        /// Whose budget.
        budget: Symbol,
        /// What is not well.
        reason: String,
        /// Since when.
        since: Option<Timestamp>,
        /// When it is looked at again.
        next: Option<Timestamp>,
    },
    /// Changes that others notice wait for a window, or for the end of a freeze.
    Window {
        /// Why.
        reason: String,
        /// When it opens.
        until: Timestamp,
    },
    /// Those who go first are done, and somebody must say that it goes on.
    Pause {
        /// Who went first.
        after: String,
    },
    /// Somebody holds it.
    Held {
        /// Why.
        reason: String,
    },
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
            Self::Turn => f.write_str("waits for its turn"),
            Self::Limit { workers } => write!(f, "waits for one of {workers} workers"),
            Self::Lock { lock, capacity: 1, reason: _ } => write!(f, "waits for the lock {lock}"),
            Self::Lock { lock, capacity, reason } => {
                write!(f, "waits for the lock {lock}, of which there are {capacity}: {reason}")
            }
            Self::Budget { budget, max, away } => {
                let away: Vec<String> = away.iter().map(ToString::to_string).collect();
                write!(f, "waits for {} of {budget} to be back", away.join(", "))?;
                match max {
                    Some(max) => write!(f, ": at most {max} may be away at once"),
                    None => f.write_str(": those in two failure domains may not be away at once"),
                }
            }
            Self::Gate { budget, reason, since, .. } => {
                write!(f, "waits for {budget} to be healthy: {reason}")?;
                since.map_or(Ok(()), |since| write!(f, ", since {since:.0}"))
            }
            Self::Window { reason, until } => write!(f, "waits until {until:.0}: {reason}"),
            Self::Pause { after } => write!(f, "waits for `dip continue`: {after} is done"),
            Self::Held { reason } => write!(f, "is held: {reason}"),
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
            Self::Skipped { reason } => write!(f, "was skipped: {reason}"),
            Self::Failed { error, kind: FailureKind::Conflict } => write!(f, "was left alone: {error}"),
            Self::Failed { error, kind: FailureKind::Refused } => write!(f, "was refused: {error}"),
            Self::Failed { error, .. } => write!(f, "failed: {error}"),
            Self::Blocked { by } => write!(f, "cannot start, because `{by}` failed"),
        }
    }
}
