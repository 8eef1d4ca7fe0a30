//! What a run that is taken over begins with: all that its records tell, and what has to be seen again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::decide::Schedule;
use super::phase::Phase;
use crate::engine::Limits;
use crate::fact::Facts;
use crate::id::{NodeName, StepId};
use crate::journal::{Change, Command, Event, Order, Record};
use crate::plan::{Plan, Vertex, VertexId};
use crate::step::Hazard;

impl Schedule {
    /// The schedule of a run, brought to the state that its records tell. A new run has none.
    ///
    /// What was settled stays settled, with its facts, except what feeds a disruptive or erasing step that is still to
    /// come: that is looked at again first. What a server had accepted is waited for and not asked for at once again. What
    /// had failed is tried again.
    #[must_use]
    pub fn replay(plan: Arc<Plan>, limits: Limits, records: &[Record]) -> Self {
        let mut schedule = Self::fresh(plan, limits);
        schedule.seen = records.last().map(|record| record.at);
        let mut settled: BTreeMap<StepId, &Facts> = BTreeMap::new();
        let mut skipped: BTreeSet<StepId> = BTreeSet::new();
        let mut orders: Vec<&Order> = Vec::new();
        for record in records {
            if let Event::Ordered(order) = &record.event {
                match &order.command {
                    Command::Continue { step: None } => schedule.release_waves(&settled, &skipped),
                    Command::Skip { step, .. } => skipped.extend(schedule.find(step)),
                    _ => {}
                }
                orders.push(order);
                continue;
            }
            // A journal from elsewhere may name steps that its plan does not have.
            let Some(step) = record.event.step().filter(|step| step.index() < schedule.steps.len()) else { continue };
            let state = &mut schedule.steps[step.index()];
            match &record.event {
                Event::Settled { change, facts, .. } => {
                    state.change = *change;
                    state.applied = None;
                    settled.insert(step, facts);
                    continue;
                }
                Event::Waiting { change, poll, .. } => {
                    state.change = *change;
                    state.applied = Some((state.applied.map_or(record.at, |(at, _)| at), *poll));
                }
                // Whether it had any effect is not known: whoever goes on looks first, and asks again where it had none.
                Event::Applying { .. } => {
                    state.change = Change::Made;
                    state.applied = None;
                }
                Event::Started { .. } | Event::Retrying { .. } | Event::Failed { .. } => state.applied = None,
                _ => {}
            }
            // It was looked at again later, and what came of that counts.
            settled.remove(&step);
        }
        let again = schedule.to_see_again(&settled.keys().copied().collect());
        for (step, facts) in settled {
            if again.contains(&step) {
                schedule.steps[step.index()].again = true;
            } else {
                schedule.settle(step, facts.clone());
            }
        }
        for order in orders {
            schedule.obey_again(order);
        }
        schedule.find_who_is_away();
        schedule
    }

    /// Who said that it goes on has said so for all waves that were done by then.
    fn release_waves(&mut self, settled: &BTreeMap<StepId, &Facts>, skipped: &BTreeSet<StepId>) {
        let is_done = |step: &StepId| settled.contains_key(step) || skipped.contains(step);
        let waves = (0..).zip(self.plan.budgets().waves());
        let done = waves.filter(|(_, wave)| wave.pause && wave.first.iter().all(is_done));
        let done: Vec<u32> = done.map(|(index, _)| index).collect();
        self.released.extend(done);
    }

    /// What was left out stays left out, who is away stays so, and what is held stays held; failures are tried again without
    /// being told.
    fn obey_again(&mut self, order: &Order) {
        match order.command {
            Command::Skip { .. } | Command::Down { .. } | Command::Up { .. } => self.obey(order),
            Command::Hold { .. } | Command::Continue { .. } => {
                self.obeyed.insert(order.id.clone());
                // And nothing else: an order to go on says nothing of the pauses that came after it.
                self.note_holds(&order.command);
            }
            Command::Retry { .. } => {
                self.obeyed.insert(order.id.clone());
            }
        }
    }

    /// Members serve again where all that would bring them back is done, and are away where something was begun.
    fn find_who_is_away(&mut self) {
        self.see_all_who_are_back();
        let plan = Arc::clone(&self.plan);
        for step in (0..self.steps.len()).map(StepId::at) {
            let state = &self.steps[step.index()];
            if state.change == Change::Made && !state.again && !state.phase.is_done() {
                self.disruption.take(plan.budgets(), step);
            }
        }
    }

    /// What another owner finds who takes the run over: as in [`Self::replay`], for one who reads on. Where it tells no limits of
    /// its own, those of the one before it are what is known.
    pub(in crate::engine) fn reopen(&mut self, limits: Option<Limits>) {
        let mut next = Self::fresh(Arc::clone(&self.plan), limits.unwrap_or_else(|| self.limits.clone()));
        next.seen = self.seen;
        next.released = std::mem::take(&mut self.released);
        let is_settled = |step: &StepId| self.steps[step.index()].phase == Phase::Settled;
        let settled: BTreeSet<StepId> = (0..self.steps.len()).map(StepId::at).filter(is_settled).collect();
        for (fresh, state) in next.steps.iter_mut().zip(&self.steps) {
            fresh.change = state.change;
            fresh.applied = state.applied.filter(|_| matches!(state.phase, Phase::Settling { .. }));
        }
        let again = next.to_see_again(&settled);
        next.facts = std::mem::take(&mut self.facts);
        for step in &again {
            next.steps[step.index()].again = true;
        }
        for step in settled.difference(&again) {
            next.settle(*step, Facts::new());
        }
        next.obeyed = std::mem::take(&mut self.obeyed);
        next.hold = self.hold.take();
        next.held = std::mem::take(&mut self.held);
        for step in (0..self.steps.len()).map(StepId::at) {
            if let Phase::Skipped { reason } = &self.steps[step.index()].phase {
                next.skip(step, reason);
            }
        }
        next.disruption.keep_reports(&self.disruption);
        next.find_who_is_away();
        *self = next;
    }

    /// The settled steps that feed an unsettled step with a hazard, by themselves or within a set of facts or a boot.
    fn to_see_again(&self, settled: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let graph = self.plan.graph();
        let left = self.left_behind(settled);
        let mut again = BTreeSet::new();
        let mut seen = vec![false; graph.vertices().len()];
        let hazards = (0..self.steps.len())
            .map(StepId::at)
            .filter(|&step| self.plan.step(step).step.hazard != Hazard::None && !settled.contains(&step));
        let mut ahead: Vec<VertexId> = hazards.map(VertexId::from).collect();
        while let Some(vertex) = ahead.pop() {
            for (before, _) in graph.predecessors(vertex) {
                if std::mem::replace(&mut seen[before.index()], true) {
                    continue;
                }
                match graph.vertices()[before.index()] {
                    Vertex::Step(giver) if settled.contains(&giver) && !left.contains(&giver) => {
                        again.insert(giver);
                    }
                    Vertex::Step(_) => {}
                    // What a node does before it leaves an environment feeds nobody, nor do those who only go first.
                    Vertex::Leave(_) | Vertex::Wave(_) => {}
                    Vertex::Barrier { .. } | Vertex::Boot(_) => ahead.push(before),
                }
            }
        }
        again
    }

    /// What was done in environments that their nodes have left since: it can neither be seen nor done where they are now.
    fn left_behind(&self, settled: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let has_begun = |step: &StepId| settled.contains(step) || self.steps[step.index()].change == Change::Made;
        let mut last: HashMap<&NodeName, u16> = HashMap::new();
        for boot in self.plan.boots().iter().filter(|boot| boot.parts.iter().any(has_begun)) {
            let ordinal = last.entry(&boot.boot.node).or_default();
            *ordinal = boot.boot.ordinal.max(*ordinal);
        }
        let is_over = |node: &NodeName, ordinal: u16| last.get(node).is_some_and(|last| ordinal < *last);
        let mut left = BTreeSet::new();
        for boot in self.plan.boots() {
            let (node, ordinal) = (&boot.boot.node, boot.boot.ordinal);
            if is_over(node, ordinal) {
                left.extend(boot.parts.iter().chain(&boot.work));
            }
            if is_over(node, ordinal.saturating_sub(1)) {
                left.extend(&boot.leaves);
            }
        }
        left
    }
}
