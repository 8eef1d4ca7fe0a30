//! One step, ready to be checked and applied.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::fact::Facts;
use crate::id::StepId;
use crate::operation::{Assignment, Context};
use crate::provider::Providers;
use crate::step::Step;
use crate::subject::Subject;

/// The first attempt at a step that is part of no run and knows no facts.
#[must_use]
pub fn assignment(step: &Step) -> Assignment {
    Assignment {
        run: "run".to_owned(),
        step: StepId(0),
        name: step.name.clone(),
        call: step.call.clone(),
        facts: Facts::new(),
        attempt: 1,
        // No operation reads it; the engine does.
        deadline: Timestamp::UNIX_EPOCH,
        fence: 1,
    }
}

/// A step among providers.
#[derive(Debug)]
pub struct Bench {
    assignment: Assignment,
    providers: Providers,
    cancel: CancellationToken,
}

impl Bench {
    /// A step among these providers.
    #[must_use]
    pub fn new(providers: Providers, step: Step) -> Self {
        Self { assignment: assignment(&step), providers, cancel: CancellationToken::new() }
    }

    /// A step that needs one provider only.
    #[must_use]
    pub fn with<T: ?Sized + Send + Sync + 'static>(subject: &Subject, provider: Arc<T>, step: Step) -> Self {
        let mut providers = Providers::new();
        providers.insert::<T>(subject, provider);
        Self::new(providers, step)
    }

    /// The same at a later attempt.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.assignment.attempt = attempt;
        self
    }

    /// What its check and its apply are given.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context::new(&self.assignment, &self.providers, &self.cancel)
    }
}
