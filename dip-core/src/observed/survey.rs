//! A survey: what the checks of a draft told, at one time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::fact::{FactKey, Facts};
use crate::id::StepId;
use crate::operation::{Check, Gap};

/// What each step of a draft found.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    checks: Vec<Check>,
    facts: Facts,
    recalled: BTreeSet<StepId>,
    at: Timestamp,
}

impl Survey {
    /// A survey from the checks of a draft's steps, in the order of the steps.
    #[must_use]
    pub fn new(checks: Vec<Check>, at: Timestamp) -> Self {
        let mut facts = Facts::new();
        for check in &checks {
            if let Check::Holds(seen) = check {
                facts.extend(seen.clone());
            }
        }
        Self { checks, facts, recalled: BTreeSet::new(), at }
    }

    /// Says which of its steps were not looked at, because their nodes are elsewhere: what is told of them was read before.
    #[must_use]
    pub fn recalling(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        self.recalled.extend(steps);
        self
    }

    /// A survey that could see nothing: every step of the draft is unknown.
    #[must_use]
    pub fn blind(steps: usize, at: Timestamp) -> Self {
        let gap = Gap::Unobservable("no survey was made".into());
        Self { checks: vec![Check::Unknown(gap); steps], facts: Facts::new(), recalled: BTreeSet::new(), at }
    }

    /// What a step's check told.
    #[must_use]
    pub fn check(&self, step: StepId) -> &Check {
        &self.checks[step.index()]
    }

    /// All checks, in the order of the steps.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The facts that were seen.
    pub fn facts(&self) -> impl Iterator<Item = (&FactKey, &Value)> {
        self.facts.iter()
    }

    /// The steps of which it tells what was read before.
    pub fn recalled(&self) -> impl Iterator<Item = StepId> {
        self.recalled.iter().copied()
    }

    /// When it was made.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}
