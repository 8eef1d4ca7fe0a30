//! The survey: runs every check of a draft that can run, and changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::contained;
use super::clock::after;
use super::{Clock, Limits, spans};
use crate::fact::Facts;
use crate::id::{NodeName, StepId};
use crate::observed::Survey;
use crate::operation::{Assignment, Check, Context, Gap, OperationError, Operations};
use crate::plan::{Draft, PlannedBoot, Vertex, VertexId, environment_words};
use crate::provider::{Providers, sentence};
use crate::step::{Environment, Need, Place, Sight, Step};

/// Looks at everything that a draft is about.
///
/// A step is looked at once those that give its facts have been. Where a node is not in the environment that a step
/// needs, it is not looked at: nobody boots a node to learn that it needs no boot.
pub async fn survey(
    draft: &Draft,
    operations: &Operations,
    providers: &Providers,
    limits: &Limits,
    clock: &dyn Clock,
) -> Survey {
    let span = spans::survey(&draft.site().name, draft.steps().len());
    look_at_all(draft, operations, providers, limits, clock).instrument(span).await
}

async fn look_at_all(
    draft: &Draft,
    operations: &Operations,
    providers: &Providers,
    limits: &Limits,
    clock: &dyn Clock,
) -> Survey {
    let at = clock.now();
    let mut round = Round {
        draft,
        operations: Arc::new(operations.clone()),
        providers: Arc::new(providers.clone()),
        clock,
        there: draft.probes().iter().map(|probe| ((&probe.boot.node, probe.boot.to), probe)).collect(),
        missing: (0..draft.graph().vertices().len())
            .map(|index| draft.graph().predecessors(VertexId(index as u32)).len())
            .collect(),
        checks: BTreeMap::new(),
        facts: Facts::new(),
        recalled: Vec::new(),
        waiting: Vec::new(),
        workers: JoinSet::new(),
    };
    round.reach(
        (0..).map(VertexId).take(round.missing.len()).filter(|vertex| round.missing[vertex.index()] == 0).collect(),
    );
    loop {
        while round.workers.len() < limits.workers()
            && let Some(step) = round.waiting.pop()
        {
            round.look(step);
        }
        match round.workers.join_next().await {
            Some(Ok((step, check))) => round.told(step, check),
            // Panics are contained in `look`; nobody cancels a single look.
            Some(Err(_)) => {}
            None if round.waiting.is_empty() => break,
            None => {}
        }
    }
    let lost =
        || Check::Unknown(Gap::Unobservable("it was not looked at, because a check before it never ended".into()));
    let checks =
        (0..draft.steps().len()).map(|index| round.checks.remove(&StepId::at(index)).unwrap_or_else(lost)).collect();
    Survey::new(checks, at).recalling(round.recalled)
}

struct Round<'a> {
    draft: &'a Draft,
    operations: Arc<Operations>,
    providers: Arc<Providers>,
    clock: &'a dyn Clock,
    /// The probe of each environment of each node.
    there: HashMap<(&'a NodeName, Environment), &'a PlannedBoot>,
    missing: Vec<usize>,
    checks: BTreeMap<StepId, Check>,
    facts: Facts,
    recalled: Vec<StepId>,
    waiting: Vec<StepId>,
    workers: JoinSet<(StepId, Check)>,
}

impl Round<'_> {
    fn reach(&mut self, mut reached: Vec<VertexId>) {
        while let Some(vertex) = reached.pop() {
            match self.draft.graph().vertices()[vertex.index()] {
                Vertex::Step(step) => self.waiting.push(step),
                _ => reached.extend(self.count_down(vertex)),
            }
        }
    }

    fn count_down(&mut self, vertex: VertexId) -> Vec<VertexId> {
        let mut reached = Vec::new();
        for &next in self.draft.graph().successors(vertex) {
            self.missing[next.index()] -= 1;
            if self.missing[next.index()] == 0 {
                reached.push(next);
            }
        }
        reached
    }

    fn look(&mut self, id: StepId) {
        let step = &self.draft.steps()[id.index()];
        if let Some(gap) = self.gap_before_looking(step) {
            let recalled = self.draft.recalled.get(&id).filter(|_| matches!(gap, Gap::Environment(_)));
            let check = match recalled {
                Some(recalled) => {
                    self.recalled.push(id);
                    Check::Holds(recalled.facts.clone())
                }
                None => Check::Unknown(gap),
            };
            self.told(id, check);
            return;
        }
        let assignment = Assignment {
            run: "survey".to_owned(),
            step: id,
            name: step.name.clone(),
            call: step.call.clone(),
            facts: self.facts_for(step),
            attempt: 1,
            deadline: after(self.clock.now(), step.patience.attempt),
            fence: 0,
        };
        let limit = step.patience.attempt;
        let (operations, providers) = (Arc::clone(&self.operations), Arc::clone(&self.providers));
        let work = async move {
            let look = async {
                let operation = operations.load(&assignment.call)?;
                operation.check(&Context::new(&assignment, &providers, &CancellationToken::new())).await
            };
            let look = tokio::time::timeout(limit, look);
            let check = match contained(look).await {
                Ok(told) => told.unwrap_or(Err(OperationError::Slow(limit))).unwrap_or_else(unknown),
                Err(panic) => Check::Unknown(Gap::Unobservable(
                    format!("the check ended in a panic, which is a bug of the layer that brings it: {panic}").into(),
                )),
            };
            spans::seen(&check);
            (id, check)
        };
        self.workers.spawn(work.instrument(spans::check(step)));
    }

    /// Why a step need not be looked at: its node is elsewhere, or what it needs to be seen has not come about.
    fn gap_before_looking(&self, step: &Step) -> Option<Gap> {
        if let Place::In(node, environment) = &step.place {
            let holds = self.there.get(&(node, *environment)).is_some_and(|probe| {
                probe.parts.iter().all(|part| matches!(self.checks.get(part), Some(Check::Holds(_))))
            });
            if !holds {
                return Some(Gap::Environment(environment_words(&step.place).into()));
            }
        }
        if step.sight == Sight::Anytime {
            return None;
        }
        let mut keys = step.needs.iter().flat_map(|need| match need {
            Need::All(facts) => &facts[..],
            Need::AtLeast { .. } | Need::IfGiven(_) | Need::AllIfGiven(_) => &[],
        });
        keys.find(|key| !self.facts.contains(key)).cloned().map(Gap::Fact)
    }

    fn facts_for(&self, step: &Step) -> Facts {
        let mut facts = Facts::new();
        for key in step.needs.iter().flat_map(Need::facts) {
            if let Some(value) = self.facts.raw(key) {
                facts.insert(key.clone(), value.clone());
            }
        }
        facts
    }

    fn told(&mut self, step: StepId, check: Check) {
        if let Check::Holds(facts) = &check {
            self.facts.extend(facts.clone());
        }
        self.checks.insert(step, check);
        let reached = self.count_down(step.into());
        self.reach(reached);
    }
}

/// A check that failed told nothing; why, for the plan to say.
fn unknown(error: OperationError) -> Check {
    Check::Unknown(match error {
        OperationError::FactUnknown(key) => Gap::Fact(key),
        other if other.is_conflict() => Gap::Foreign(sentence(&other).into()),
        other => Gap::Unobservable(sentence(&other).into()),
    })
}
