//! An assignment: one attempt at one step, with all that it needs, fit to travel to a worker elsewhere; and the context
//! that adds what only exists where it runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Call, Input, OperationError};
use crate::fact::{Fact, FactKey, Facts};
use crate::id::StepId;
use crate::provider::Providers;
use crate::step::StepName;
use crate::subject::Subject;

/// One attempt at one step, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The run that it belongs to.
    pub run: String,
    /// The step in the plan.
    pub step: StepId,
    /// The step's name.
    pub name: StepName,
    /// What is called.
    pub call: Call,
    /// The facts that the step needs, and no others.
    pub facts: Facts,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When the step's patience ends.
    pub deadline: Timestamp,
    /// The fence of the run's owner: a worker refuses an older one than it has seen.
    pub fence: u64,
}

/// An assignment with the providers and the cancel signal of the place where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    assignment: &'a Assignment,
    providers: &'a Providers,
    cancel: &'a CancellationToken,
}

impl<'a> Context<'a> {
    /// Puts an assignment among providers.
    #[must_use]
    pub const fn new(assignment: &'a Assignment, providers: &'a Providers, cancel: &'a CancellationToken) -> Self {
        Self { assignment, providers, cancel }
    }

    /// The assignment.
    #[must_use]
    pub const fn assignment(&self) -> &'a Assignment {
        self.assignment
    }

    /// Fires when the run is abandoned: a long apply should stop where it can be checked afterwards.
    #[must_use]
    pub const fn cancel(&self) -> &'a CancellationToken {
        self.cancel
    }

    /// The provider of a trait for a subject: `cx.provider::<dyn Bmc>(&node)?`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn provider<T: ?Sized + Send + Sync + 'static>(&self, subject: &Subject) -> Result<Arc<T>, OperationError> {
        Ok(self.providers.find(subject)?)
    }

    /// The value of a fact that the step needs.
    ///
    /// # Errors
    /// Where it is not known (yet), or is not of its type.
    pub fn fact<T: DeserializeOwned>(&self, fact: &Fact<T>, subject: &Subject) -> Result<T, OperationError> {
        self.read(&fact.of(subject))
    }

    /// The value of an input.
    ///
    /// # Errors
    /// Where it comes from a fact that is not known (yet), or is not of its type.
    pub fn input<T: DeserializeOwned + Clone>(&self, input: &Input<T>) -> Result<T, OperationError> {
        match input {
            Input::Value(value) => Ok(value.clone()),
            Input::From(key) => self.read(key),
        }
    }

    fn read<T: DeserializeOwned>(&self, key: &FactKey) -> Result<T, OperationError> {
        self.assignment.facts.read(key)?.ok_or_else(|| OperationError::FactUnknown(key.clone()))
    }
}

/// How long and how often a step is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patience {
    /// From the step's start to its giving up, all attempts and waits included.
    pub deadline: Duration,
    /// The longest that one check or one apply may take.
    pub attempt: Duration,
}

impl Patience {
    /// Patience for a step that talks to one server: two minutes in all, 30 seconds an attempt.
    pub const SERVER: Self = Self { deadline: Duration::from_secs(120), attempt: Duration::from_secs(30) };

    /// Patience for a machine to boot: POST and start of a large server take minutes.
    pub const BOOT: Self = Self { deadline: Duration::from_secs(15 * 60), attempt: Duration::from_secs(60) };
}
