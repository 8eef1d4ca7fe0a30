//! Where a step stands, and why it does not go on.

use super::decide::Schedule;
use super::disruption::Gate;
use super::phase::{Bar, BarredBy, Phase};
use crate::engine::{Status, Waiting};
use crate::id::{NodeName, StepId};
use crate::journal::Change;
use crate::plan::{Vertex, VertexId};
use crate::site::Closed;
use crate::step::Hazard;

impl Schedule {
    /// Whether this run, by this owner or one before, has changed anything for a step.
    #[must_use]
    pub fn change(&self, step: StepId) -> Change {
        self.steps[step.index()].change
    }

    /// Where a step stands, and why it does not go on.
    #[must_use]
    pub fn status(&self, step: StepId) -> Status {
        let state = &self.steps[step.index()];
        match &state.phase {
            Phase::Pending => Status::Waiting(self.waits_behind(step)),
            Phase::Ready if self.stopping => Status::Waiting(Waiting::Stopped),
            Phase::Ready | Phase::Held if self.held.contains_key(&step) || self.hold.is_some() => {
                let reason = self.held.get(&step).or(self.hold.as_ref()).cloned().unwrap_or_default();
                Status::Waiting(Waiting::Held { reason })
            }
            Phase::Ready | Phase::Held => Status::Waiting(self.waits_in_turn(step)),
            Phase::Parked(lock) => Status::Waiting(self.waits_for_lock(*lock)),
            Phase::Barred(bar) => Status::Waiting(self.waits_for_budget(bar)),
            Phase::Shut(closed) => Status::Waiting(waits_for_window(closed)),
            Phase::Running => Status::Running { attempt: state.attempt, since: state.since },
            Phase::Settling { reason, until } => Status::Waiting(Waiting::Settling {
                reason: reason.clone(),
                since: state.applied.map(|(at, _)| at),
                next: *until,
            }),
            Phase::Backoff { error, until } => {
                Status::Waiting(Waiting::Backoff { error: error.clone(), attempt: state.attempt, next: *until })
            }
            Phase::Settled => Status::Settled(state.change),
            Phase::Skipped { reason } => Status::Skipped { reason: reason.clone() },
            Phase::Failed { error, kind } => Status::Failed { error: error.clone(), kind: *kind },
            Phase::Blocked { by } => Status::Blocked { by: self.plan.step(*by).step.name.clone() },
        }
    }

    /// A step whose turn it may be: whoever only reads the records does not try it, and tells what would be in its way.
    fn waits_in_turn(&self, step: StepId) -> Waiting {
        let state = &self.steps[step.index()];
        let is_barred =
            |bar: &Bar| bar.why != BarredBy::Gate || matches!(self.disruption.gate(bar.budget), Gate::Closed { .. });
        let is_new = state.since.is_none() && self.plan.step(step).step.hazard != Hazard::None;
        let now = self.seen.filter(|_| is_new);
        if let Some(closed) = now.and_then(|now| self.plan.site().conduct.open(now).err()) {
            return waits_for_window(&closed);
        }
        let may_take = is_new && !state.again;
        let bar = may_take.then(|| self.disruption.seen(self.plan.budgets(), step)).flatten().filter(is_barred);
        if let Some(bar) = bar {
            return self.waits_for_budget(&bar);
        }
        match self.locks.in_the_way(step, self.turn(step)) {
            Some(lock) => self.waits_for_lock(lock),
            None if self.running < self.limits.workers() => Waiting::Turn,
            None => Waiting::Limit { workers: self.limits.workers() },
        }
    }

    fn waits_for_lock(&self, lock: u32) -> Waiting {
        let name = self.locks.name(lock);
        Waiting::Lock {
            lock: name.clone(),
            capacity: self.limits.capacity(name.as_str()),
            reason: self.limits.reason(name.as_str()).to_owned(),
        }
    }

    fn waits_for_budget(&self, bar: &Bar) -> Waiting {
        let of = &self.plan.budgets().list()[bar.budget as usize];
        let away = || self.disruption.away(of, bar.budget).cloned().collect::<Vec<NodeName>>();
        let budget = of.name.clone();
        match (bar.why, self.disruption.gate(bar.budget)) {
            (BarredBy::Gate, Gate::Closed { why, since, next }) => {
                Waiting::Gate { budget, reason: why.clone(), since: Some(*since), next: Some(*next) }
            }
            (BarredBy::Gate, _) => {
                Waiting::Gate { budget, reason: "its health is being looked at".to_owned(), since: None, next: None }
            }
            (BarredBy::Domain, _) => Waiting::Budget { budget, max: None, away: away() },
            (BarredBy::Count, _) => Waiting::Budget { budget, max: of.max_unavailable, away: away() },
        }
    }

    /// A step whose needs are not all there; where only a pause is in the way, that is told.
    fn waits_behind(&self, step: StepId) -> Waiting {
        let graph = self.plan.graph();
        let pause = graph.predecessors(step.into()).find_map(|(before, _)| match graph.vertices()[before.index()] {
            Vertex::Wave(wave) if self.paused.contains(&wave) => Some(before),
            _ => None,
        });
        match pause {
            Some(wave) => Waiting::Pause { after: self.plan.vertex_words(wave) },
            None => Waiting::Needs(self.unmet(step)),
        }
    }

    fn unmet(&self, step: StepId) -> Vec<String> {
        let graph = self.plan.graph();
        let is_open = |vertex: VertexId| match graph.vertices()[vertex.index()] {
            Vertex::Step(step) => !self.steps[step.index()].phase.is_done(),
            _ => self.missing[vertex.index()] > 0,
        };
        graph
            .predecessors(step.into())
            .filter(|(before, _)| is_open(*before))
            .map(|(before, _)| self.plan.vertex_words(before))
            .collect()
    }
}

fn waits_for_window(closed: &Closed) -> Waiting {
    Waiting::Window { reason: closed.reason.clone(), until: closed.until }
}
