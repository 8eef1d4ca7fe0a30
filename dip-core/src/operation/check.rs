//! What looking at one thing can tell: it holds, it differs, or it cannot be seen now.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fact::{FactKey, Facts};
use crate::few::Few;

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// All is as wanted; these facts were seen.
    Holds(Facts),
    /// It is not as wanted.
    Differs(Diff),
    /// It cannot be seen now.
    Unknown(Gap),
}

/// What is different, in the terms of the operation. Clones share it: a survey, its plan and the records of a run tell the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    changes: Few<Change>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is: `access VLAN`, `A record`.
    pub what: String,
    /// What is there now; `None` where nothing is.
    pub now: Option<String>,
    /// What is wanted; `None` where nothing is.
    pub wanted: Option<String>,
}

impl Diff {
    /// One difference: `what` is `now` and should be `wanted`. Never pass a secret: a diff is shown and stored.
    #[must_use]
    pub fn of(what: impl Into<String>, now: Option<impl fmt::Display>, wanted: Option<impl fmt::Display>) -> Self {
        Self::default().and(what, now, wanted)
    }

    /// Something should be there and is not.
    #[must_use]
    pub fn missing(what: impl Into<String>, wanted: impl fmt::Display) -> Self {
        Self::of(what, None::<&str>, Some(wanted))
    }

    /// Adds a further difference.
    #[must_use]
    pub fn and(
        mut self,
        what: impl Into<String>,
        now: Option<impl fmt::Display>,
        wanted: Option<impl fmt::Display>,
    ) -> Self {
        self.changes.push(Change {
            what: what.into(),
            now: now.map(|now| now.to_string()),
            wanted: wanted.map(|wanted| wanted.to_string()),
        });
        self
    }

    /// The differences.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// `Differs` where there is a difference, else `Holds` with the facts.
    #[must_use]
    pub fn or_holds(self, facts: Facts) -> Check {
        if self.is_empty() { Check::Holds(facts) } else { Check::Differs(self) }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            change.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.now, &self.wanted) {
            (Some(now), Some(wanted)) => write!(f, "{} {now} → {wanted}", self.what),
            (None, Some(wanted)) => write!(f, "+ {} {wanted}", self.what),
            (Some(now), None) => write!(f, "- {} {now}", self.what),
            (None, None) => f.write_str(&self.what),
        }
    }
}

/// Why something cannot be seen now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// A fact that it depends on is not known yet.
    Fact(FactKey),
    /// The node is not in the environment where this can be seen ("n1 is not installed and running").
    Environment(Arc<str>),
    /// The one who would know cannot be asked now; why, as a sentence.
    Unobservable(Arc<str>),
    /// Somebody else holds what would have to change; who and what, as a sentence. It is left alone until it is claimed.
    Foreign(Arc<str>),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(key) => write!(f, "unknown until {} of {} is known", key.name(), key.subject().name()),
            Self::Environment(environment) => write!(f, "unknown until {environment}"),
            Self::Unobservable(why) => write!(f, "could not be observed: {why}"),
            Self::Foreign(why) => write!(f, "foreign: {why}"),
        }
    }
}

/// What an apply left to do. Facts never come from here: only a check tells what is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// The request was carried out; check now.
    Done,
    /// The request was accepted and takes its time; the worker is given back and the check is made every `poll`.
    Wait {
        /// What is waited for, as a fragment: "the clock to follow its source".
        reason: String,
        /// The pause between two checks.
        poll: Duration,
    },
    /// Nothing was asked for: it comes about by what other steps have done, and is looked at every `poll`. A step that
    /// only watches changes nothing, and no report counts it as a change.
    Watch {
        /// What is waited for, as a fragment: "the system to answer".
        reason: String,
        /// The pause between two checks.
        poll: Duration,
    },
}

impl Applied {
    /// Watches for something that comes about by itself, looking every `poll`.
    #[must_use]
    pub fn watch(reason: impl Into<String>, poll: Duration) -> Self {
        Self::Watch { reason: reason.into(), poll }
    }

    /// Waits for something, looking every `poll`.
    #[must_use]
    pub fn wait(reason: impl Into<String>, poll: Duration) -> Self {
        Self::Wait { reason: reason.into(), poll }
    }
}
