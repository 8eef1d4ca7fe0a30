//! A hand-made assignment among hand-made providers, for the tests of the steps.

use std::sync::Arc;

use dip_core::fact::Facts;
use dip_core::id::{SiteName, StepId};
use dip_core::operation::{Assignment, Context};
use dip_core::provider::Providers;
use dip_core::step::Step;
use dip_core::subject::Subject;
use tokio_util::sync::CancellationToken;

pub(crate) struct Bench {
    assignment: Assignment,
    providers: Providers,
    cancel: CancellationToken,
}

impl Bench {
    pub(crate) fn with<T: ?Sized + Send + Sync + 'static>(subject: &Subject, provider: Arc<T>, step: Step) -> Self {
        let mut providers = Providers::new();
        providers.insert::<T>(subject, provider);
        let assignment = Assignment {
            run: "run".to_owned(),
            step: StepId(0),
            name: step.name,
            call: step.call,
            facts: Facts::new(),
            attempt: 1,
            deadline: jiff::Timestamp::UNIX_EPOCH,
            fence: 1,
        };
        Self { assignment, providers, cancel: CancellationToken::new() }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.assignment, &self.providers, &self.cancel)
    }
}

pub(crate) fn site_name(name: &str) -> SiteName {
    SiteName::new(name).expect("a name")
}
