//! A simulated site as a layer, so that it is planned like any other.

use std::sync::Arc;

use async_trait::async_trait;
use dip::core::fact::{Fact, FactKey, FactRegistry, Facts};
use dip::core::id::{LayerId, SiteName, Symbol};
use dip::core::layer::{ConnectError, Layer, Note};
use dip::core::observed::{Observed, Survey};
use dip::core::operation::{Applied, Check, Context, Operation, OperationError, Operations};
use dip::core::plan::Draft;
use dip::core::provider::Providers;
use dip::core::secret::Secrets;
use dip::core::site::{Limit, SettingsSchema, Site};
use dip::core::step::{Boot, Lock, Need, Step};
use dip::core::subject::Subject;
use dip::{Goal, Layers, Limits, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Instance;

const DONE: Fact<bool> = Fact::new("simulated.done");

/// A task of an instance.
#[derive(Debug, Serialize, Deserialize)]
struct Simulated(u32);

#[async_trait]
impl Operation for Simulated {
    const NAME: &'static str = "simulated.work";

    async fn check(&self, _: &Context<'_>) -> Result<Check, OperationError> {
        Ok(Check::Holds(Facts::new().with_key(done(self.0 as usize), &true)))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

fn subject(task: usize) -> Subject {
    Subject::new(Symbol::of("task"), task.to_string())
}

fn done(task: usize) -> FactKey {
    DONE.of(&subject(task))
}

#[derive(Debug)]
struct Simulation(Instance);

impl Layer for Simulation {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&DONE, "A simulated step is done.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Simulated>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let facts: Vec<FactKey> = (0..self.0.tasks.len()).map(done).collect();
        let named = |tasks: &[usize]| tasks.iter().map(|task| facts[*task].clone()).collect();
        let step = |(index, task): (usize, &super::family::Task)| {
            let operation = Simulated(u32::try_from(index).expect("fewer than 2^32 tasks"));
            let mut step = Step::new(LayerId::Os, facts[index].subject().clone(), &operation)
                .give(facts[index].clone())
                .need(Need::All(named(&task.after)));
            if let Some((count, of)) = &task.quorum {
                step = step.need(Need::AtLeast { count: *count, facts: named(of) });
            }
            match task.lock {
                Some((lock, weight)) => step.lock(Lock::new(self.0.locks[lock].0.as_str()).weighing(weight)),
                None => step,
            }
        };
        Ok(self.0.tasks.iter().enumerate().map(step).collect())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// The plan of an instance: its steps have the numbers of the tasks.
pub(crate) fn plan(instance: &Instance, now: Timestamp) -> Arc<Plan> {
    let site = Arc::new(Site::new(SiteName::new("simulated").expect("a name")));
    let layers = Layers::new().with(Simulation(instance.clone()));
    let draft = Draft::new(site, &Observed::new(), &layers, Goal::Everything).expect("a draft");
    Arc::new(Plan::new(&draft, &Survey::blind(draft.steps().len(), now), &layers).expect("a plan"))
}

/// How much may go on at once.
pub(crate) fn limits(instance: &Instance) -> Limits {
    let limits = Limits { workers: instance.workers, ..Limits::default() };
    instance.locks.iter().fold(limits, |limits, (name, capacity)| {
        limits.with(Limit {
            lock: name.as_str().into(),
            capacity: *capacity,
            reason: "the simulation says so".to_owned(),
            origin: None,
        })
    })
}
