//! The schedule: which step starts when. Pure: no clock, no runtime, no I/O; the same records always lead to the same state.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Limits;
use super::clock::after;
use super::locks::Locks;
use super::state::{Status, Waiting};
use crate::fact::Facts;
use crate::id::{NodeName, StepId};
use crate::journal::{Change, Event, FailureKind, Record};
use crate::plan::{Plan, Vertex, VertexId};
use crate::step::{Hazard, Lock};

/// A step that should be worked on now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The step.
    pub step: StepId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When the step's patience ends.
    pub deadline: Timestamp,
    /// For a step that was applied and is waited for: since when, and the pause between two looks.
    pub applied: Option<(Timestamp, Duration)>,
    /// Whether this run has changed anything for the step so far.
    pub change: Change,
}

/// The state of a run.
#[derive(Debug)]
pub struct Schedule {
    plan: Arc<Plan>,
    limits: Limits,
    /// For each vertex, how many predecessors are still to come before it counts as reached.
    missing: Vec<u32>,
    /// For each vertex, how many predecessors have not failed.
    alive: Vec<u32>,
    heights: Vec<u32>,
    steps: Vec<State>,
    facts: Facts,
    /// The steps on the longest way first: what others wait for longest must not wait itself.
    ready: BinaryHeap<Turn>,
    locks: Locks<Turn>,
    timers: BinaryHeap<Reverse<(Timestamp, StepId)>>,
    running: usize,
    unfinished: usize,
    stopping: bool,
}

/// A step in a queue: the one with the longest way behind it comes first.
type Turn = (u32, Reverse<StepId>);

#[derive(Debug, Clone)]
struct State {
    phase: Phase,
    attempt: u32,
    since: Option<Timestamp>,
    /// When this attempt was applied, and how often it is looked at since.
    applied: Option<(Timestamp, Duration)>,
    change: Change,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Pending,
    Ready,
    Parked(Lock),
    Running,
    Settling { reason: String, until: Timestamp },
    Backoff { error: String, until: Timestamp },
    Settled,
    Failed { error: String, kind: FailureKind },
    Blocked { by: StepId },
}

impl Phase {
    const fn is_final(&self) -> bool {
        matches!(self, Self::Settled | Self::Failed { .. } | Self::Blocked { .. })
    }
}

impl Schedule {
    /// The schedule of a run, brought to the state that its records tell. A new run has none.
    ///
    /// What was settled stays settled, with its facts, except what feeds a disruptive or erasing step that is still to
    /// come: that is looked at again first. What a server had accepted is waited for and not asked for at once again. What
    /// had failed is tried again.
    #[must_use]
    pub fn replay(plan: Arc<Plan>, limits: Limits, records: &[Record]) -> Self {
        let mut schedule = Self::fresh(plan, limits);
        let mut settled: BTreeMap<StepId, &Facts> = BTreeMap::new();
        for record in records {
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
            if !again.contains(&step) {
                schedule.settle(step, facts.clone());
            }
        }
        schedule
    }

    /// What another owner finds who takes the run over: as in [`Self::replay`], for one who reads on.
    pub(super) fn reopen(&mut self) {
        let mut next = Self::fresh(Arc::clone(&self.plan), self.limits.clone());
        let is_settled = |step: &StepId| self.steps[step.index()].phase == Phase::Settled;
        let settled: BTreeSet<StepId> = (0..self.steps.len()).map(StepId::at).filter(is_settled).collect();
        for (fresh, state) in next.steps.iter_mut().zip(&self.steps) {
            fresh.change = state.change;
            fresh.applied = state.applied.filter(|_| matches!(state.phase, Phase::Settling { .. }));
        }
        let again = next.to_see_again(&settled);
        next.facts = std::mem::take(&mut self.facts);
        for step in settled.difference(&again) {
            next.settle(*step, Facts::new());
        }
        *self = next;
    }

    fn fresh(plan: Arc<Plan>, limits: Limits) -> Self {
        let graph = plan.graph();
        let count = graph.vertices().len();
        let ids = || (0..).map(VertexId).take(count);
        let missing: Vec<u32> = ids().map(|vertex| graph.threshold(vertex)).collect();
        let alive: Vec<u32> = ids().map(|vertex| graph.predecessors(vertex).len() as u32).collect();
        let heights = graph.heights();
        let mut facts = Facts::new();
        for known in plan.known() {
            facts.insert(known.key.clone(), known.value.clone());
        }
        let state = State { phase: Phase::Pending, attempt: 1, since: None, applied: None, change: Change::None };
        let steps = vec![state; plan.steps().len()];
        let unfinished = steps.len();
        let mut schedule = Self {
            plan,
            limits,
            missing,
            alive,
            heights,
            steps,
            facts,
            ready: BinaryHeap::new(),
            locks: Locks::new(),
            timers: BinaryHeap::new(),
            running: 0,
            unfinished,
            stopping: false,
        };
        let free: Vec<VertexId> = ids().filter(|vertex| schedule.missing[vertex.index()] == 0).collect();
        schedule.reach(free);
        schedule
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
                    // What a node does before it leaves an environment feeds nobody.
                    Vertex::Leave(_) => {}
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

    /// The steps to start now. They count as running until a record tells how it went.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Start> {
        self.wake(now);
        let plan = Arc::clone(&self.plan);
        let mut starts = Vec::new();
        while !self.stopping && self.running < self.limits.workers() {
            let Some(turn) = self.ready.pop() else {
                break;
            };
            let Reverse(step) = turn.1;
            let locks = &plan.step(step).step.locks;
            // A replay settles steps that stand in the queue since the start.
            if self.steps[step.index()].phase == Phase::Ready {
                match self.locks.in_the_way(locks, &self.limits) {
                    Some(lock) => {
                        self.steps[step.index()].phase = Phase::Parked(lock.clone());
                        self.locks.park(lock, turn);
                    }
                    None => starts.push(self.start(step, now)),
                }
            }
            self.wake_next(locks);
        }
        starts
    }

    fn start(&mut self, step: StepId, now: Timestamp) -> Start {
        let planned = &self.plan.step(step).step;
        self.locks.take(&planned.locks);
        self.running += 1;
        let state = &mut self.steps[step.index()];
        state.phase = Phase::Running;
        // An owner before this one may have had a clock that was ahead.
        state.applied = state.applied.map(|(at, poll)| (at.min(now), poll));
        let since = *state.since.get_or_insert(now);
        let deadline = after(since, planned.patience.deadline);
        Start { step, attempt: state.attempt, deadline, applied: state.applied, change: state.change }
    }

    fn wake(&mut self, now: Timestamp) {
        while self.timers.peek().is_some_and(|Reverse((until, _))| *until <= now) {
            let Some(Reverse((time, step))) = self.timers.pop() else { break };
            // What came about otherwise is not woken by the timer that it has left.
            let due = match &self.steps[step.index()].phase {
                Phase::Settling { until, .. } | Phase::Backoff { until, .. } => *until == time,
                _ => false,
            };
            if due {
                self.make_ready(step);
            }
        }
    }

    /// Lets the next in turn try for those of these locks that are free.
    fn wake_next(&mut self, locks: &[Lock]) {
        for (_, Reverse(step)) in self.locks.next_in_turn(locks, &self.limits) {
            if matches!(self.steps[step.index()].phase, Phase::Parked(_)) {
                self.make_ready(step);
            }
        }
    }

    /// When `poll` will have something new although nothing is recorded before; `None` where only a record helps.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.stopping { None } else { self.timers.peek().map(|Reverse((until, _))| *until) }
    }

    /// Takes in what happened. A record of a step that the plan does not have tells nothing.
    pub fn record(&mut self, record: &Record) {
        if record.event.step().is_some_and(|step| step.index() >= self.steps.len()) {
            return;
        }
        match &record.event {
            Event::Applying { step, attempt, .. } => {
                let state = &mut self.steps[step.index()];
                state.attempt = *attempt;
                state.change = Change::Made;
                state.applied = Some((record.at, Duration::from_millis(500)));
            }
            Event::Waiting { step, reason, until, poll, change } => {
                let state = &mut self.steps[step.index()];
                state.applied = state.applied.map(|(at, _)| (at, *poll));
                state.change = *change;
                self.pause(*step, Phase::Settling { reason: reason.clone(), until: *until }, *until);
            }
            Event::Retrying { step, attempt, error, until } => {
                let state = &mut self.steps[step.index()];
                state.attempt = attempt.saturating_add(1);
                state.applied = None;
                self.pause(*step, Phase::Backoff { error: error.clone(), until: *until }, *until);
            }
            Event::Settled { step, change, facts } => {
                self.release(*step);
                self.steps[step.index()].change = *change;
                self.settle(*step, facts.clone());
            }
            Event::Failed { step, error, kind } => {
                self.release(*step);
                if self.finish(*step, Phase::Failed { error: error.clone(), kind: *kind }) {
                    self.block(*step);
                }
            }
            Event::Stopping => self.stopping = true,
            // Whoever polls has it running already; whoever only reads the records learns it here.
            Event::Started { step, attempt } => {
                let state = &mut self.steps[step.index()];
                state.since.get_or_insert(record.at);
                if state.phase != Phase::Running && !state.phase.is_final() {
                    state.attempt = *attempt;
                    state.phase = Phase::Running;
                    self.running += 1;
                    self.locks.take(&self.plan.step(*step).step.locks);
                }
            }
            Event::Ended { .. } => self.end(),
            Event::Began { .. } | Event::Opened { .. } => {}
        }
    }

    /// Lets a step wait until a time.
    fn pause(&mut self, step: StepId, phase: Phase, until: Timestamp) {
        self.release(step);
        if !self.steps[step.index()].phase.is_final() {
            self.steps[step.index()].phase = phase;
            self.timers.push(Reverse((until, step)));
        }
    }

    /// Nobody works on anything any more.
    fn end(&mut self) {
        self.stopping = true;
        for step in (0..self.steps.len()).map(StepId::at) {
            if self.steps[step.index()].phase == Phase::Running {
                self.release(step);
                self.make_ready(step);
            }
        }
    }

    fn release(&mut self, step: StepId) {
        if self.steps[step.index()].phase != Phase::Running {
            return;
        }
        self.running -= 1;
        self.steps[step.index()].phase = Phase::Pending;
        let plan = Arc::clone(&self.plan);
        let locks = &plan.step(step).step.locks;
        self.locks.give_back(locks);
        self.wake_next(locks);
    }

    fn make_ready(&mut self, step: StepId) {
        self.steps[step.index()].phase = Phase::Ready;
        self.ready.push((self.heights[step.index()], Reverse(step)));
    }

    /// Whether it was not finished before: what is final stays as it is.
    fn finish(&mut self, step: StepId, phase: Phase) -> bool {
        let is_new = !self.steps[step.index()].phase.is_final();
        if is_new {
            self.unfinished -= 1;
            self.steps[step.index()].phase = phase;
        }
        is_new
    }

    fn settle(&mut self, step: StepId, facts: Facts) {
        if self.finish(step, Phase::Settled) {
            self.facts.extend(facts);
            let reached = self.count_down(step.into());
            self.reach(reached);
        }
    }

    /// Tells the successors of a vertex that it is reached; gives those that are reached by it.
    fn count_down(&mut self, vertex: VertexId) -> Vec<VertexId> {
        let mut reached = Vec::new();
        for &next in self.plan.graph().successors(vertex) {
            let missing = &mut self.missing[next.index()];
            // A quorum that is reached stays reached, whoever comes later.
            if *missing > 0 {
                *missing -= 1;
                if *missing == 0 {
                    reached.push(next);
                }
            }
        }
        reached
    }

    fn reach(&mut self, mut reached: Vec<VertexId>) {
        while let Some(vertex) = reached.pop() {
            if let Vertex::Step(step) = self.plan.graph().vertices()[vertex.index()] {
                if self.steps[step.index()].phase == Phase::Pending {
                    self.make_ready(step);
                }
            } else {
                reached.extend(self.count_down(vertex));
            }
        }
    }

    /// Blocks what can no longer be reached because a step failed; only true dependants.
    fn block(&mut self, failed: StepId) {
        let plan = Arc::clone(&self.plan);
        let graph = plan.graph();
        let mut dead = vec![VertexId::from(failed)];
        while let Some(vertex) = dead.pop() {
            for &next in graph.successors(vertex) {
                self.alive[next.index()] -= 1;
                let already = self.missing[next.index()] == 0;
                if already || self.alive[next.index()] >= graph.threshold(next) {
                    continue;
                }
                match graph.vertices()[next.index()] {
                    Vertex::Step(step) if !self.steps[step.index()].phase.is_final() => {
                        self.finish(step, Phase::Blocked { by: failed });
                        dead.push(next);
                    }
                    Vertex::Step(_) => {}
                    // A barrier dies once: with the failure that leaves too few.
                    _ if self.alive[next.index()] + 1 == graph.threshold(next) => dead.push(next),
                    _ => {}
                }
            }
        }
    }

    /// Whether nothing is left to do or to wait for.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running == 0 && (self.unfinished == 0 || self.stopping)
    }

    /// How many steps are being worked on.
    #[must_use]
    pub const fn running(&self) -> usize {
        self.running
    }

    /// The facts that a step may read: those that it needs.
    #[must_use]
    pub fn facts_for(&self, step: StepId) -> Facts {
        let mut facts = Facts::new();
        for need in &self.plan.step(step).step.needs {
            for key in need.facts() {
                if let Some(value) = self.facts.raw(key) {
                    facts.insert(key.clone(), value.clone());
                }
            }
        }
        facts
    }

    /// The plan that it carries out.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

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
            Phase::Pending => Status::Waiting(Waiting::Needs(self.unmet(step))),
            Phase::Ready if self.stopping => Status::Waiting(Waiting::Stopped),
            Phase::Ready => {
                let locks = &self.plan.step(step).step.locks;
                Status::Waiting(match self.locks.in_the_way(locks, &self.limits) {
                    Some(lock) => Waiting::Lock(lock.clone()),
                    None => Waiting::Limit { workers: self.limits.workers() },
                })
            }
            Phase::Parked(lock) => Status::Waiting(Waiting::Lock(lock.clone())),
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
            Phase::Failed { error, kind } => Status::Failed { error: error.clone(), kind: *kind },
            Phase::Blocked { by } => Status::Blocked { by: self.plan.step(*by).step.name.clone() },
        }
    }

    fn unmet(&self, step: StepId) -> Vec<String> {
        let graph = self.plan.graph();
        let is_open = |vertex: VertexId| match graph.vertices()[vertex.index()] {
            Vertex::Step(step) => self.steps[step.index()].phase != Phase::Settled,
            _ => self.missing[vertex.index()] > 0,
        };
        graph
            .predecessors(step.into())
            .filter(|(before, _)| is_open(*before))
            .map(|(before, _)| self.plan.vertex_words(before))
            .collect()
    }
}
