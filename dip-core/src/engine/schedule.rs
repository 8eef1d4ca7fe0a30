//! The schedule: which step starts when. Pure: no clock, no runtime, no I/O; the same records always lead to the same state.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Limits;
use super::state::{Status, Waiting};
use crate::fact::Facts;
use crate::id::StepId;
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
    ready: BinaryHeap<(u32, Reverse<StepId>)>,
    parked: BTreeMap<Lock, Vec<StepId>>,
    held: HashMap<Lock, usize>,
    timers: BinaryHeap<Reverse<(Timestamp, StepId)>>,
    running: usize,
    unfinished: usize,
    stopping: bool,
}

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
    /// come: that is looked at again first. What had failed is tried again.
    #[must_use]
    pub fn replay(plan: Arc<Plan>, limits: Limits, records: &[Record]) -> Self {
        let mut schedule = Self::fresh(plan, limits);
        let mut settled: BTreeMap<StepId, &Facts> = BTreeMap::new();
        // A journal from elsewhere may name steps that its plan does not have.
        let has = |record: &&Record| record.event.step().is_none_or(|step| step.index() < schedule.steps.len());
        for record in records.iter().filter(has).collect::<Vec<_>>() {
            match &record.event {
                Event::Settled { step, change, facts } => {
                    schedule.steps[step.index()].change = *change;
                    settled.insert(*step, facts);
                }
                Event::Waiting { step, change, .. } => schedule.steps[step.index()].change = *change,
                Event::Applying { step, .. } => schedule.steps[step.index()].change = Change::Made,
                _ => {}
            }
        }
        let again = schedule.to_see_again(&settled);
        for (step, facts) in settled {
            if !again.contains(&step) {
                schedule.settle(step, facts.clone());
            }
        }
        schedule
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
            parked: BTreeMap::new(),
            held: HashMap::new(),
            timers: BinaryHeap::new(),
            running: 0,
            unfinished,
            stopping: false,
        };
        let free: Vec<VertexId> = ids().filter(|vertex| schedule.missing[vertex.index()] == 0).collect();
        schedule.reach(free);
        schedule
    }

    /// The settled steps that feed an unsettled step with a hazard.
    fn to_see_again(&self, settled: &BTreeMap<StepId, &Facts>) -> Vec<StepId> {
        let graph = self.plan.graph();
        let mut again = Vec::new();
        for (index, planned) in self.plan.steps().iter().enumerate() {
            let step = StepId::at(index);
            if planned.step.hazard == Hazard::None || settled.contains_key(&step) {
                continue;
            }
            for (before, _) in graph.predecessors(step.into()) {
                if let Vertex::Step(giver) = graph.vertices()[before.index()] {
                    again.push(giver);
                }
            }
        }
        again.sort_unstable();
        again.dedup();
        again
    }

    /// The steps to start now. They count as running until a record tells how it went.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Start> {
        self.wake(now);
        let mut starts = Vec::new();
        while !self.stopping && self.running < self.limits.workers {
            let Some((_, Reverse(step))) = self.ready.pop() else {
                break;
            };
            // A replay settles steps that stand in the queue since the start.
            if self.steps[step.index()].phase != Phase::Ready {
                continue;
            }
            if let Some(lock) = self.lock_in_the_way(step) {
                self.steps[step.index()].phase = Phase::Parked(lock.clone());
                self.parked.entry(lock).or_default().push(step);
                continue;
            }
            for lock in &self.plan.step(step).step.locks {
                *self.held.entry(lock.clone()).or_default() += 1;
            }
            self.running += 1;
            let patience = self.plan.step(step).step.patience.deadline;
            let state = &mut self.steps[step.index()];
            state.phase = Phase::Running;
            let since = *state.since.get_or_insert(now);
            let deadline = since.saturating_add(span(patience)).unwrap_or(Timestamp::MAX);
            starts.push(Start { step, attempt: state.attempt, deadline, applied: state.applied, change: state.change });
        }
        starts
    }

    fn wake(&mut self, now: Timestamp) {
        while self.timers.peek().is_some_and(|Reverse((until, _))| *until <= now) {
            if let Some(Reverse((_, step))) = self.timers.pop() {
                self.make_ready(step);
            }
        }
    }

    fn lock_in_the_way(&self, step: StepId) -> Option<Lock> {
        let locks = &self.plan.step(step).step.locks;
        locks.iter().find(|lock| self.held.get(*lock).is_some_and(|held| *held >= self.limits.capacity(lock))).cloned()
    }

    /// When `poll` will have something new although nothing is recorded before; `None` where only a record helps.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.stopping { None } else { self.timers.peek().map(|Reverse((until, _))| *until) }
    }

    /// Takes in what happened.
    pub fn record(&mut self, record: &Record) {
        match &record.event {
            Event::Applying { step, attempt, .. } => {
                let state = &mut self.steps[step.index()];
                state.attempt = *attempt;
                state.change = Change::Made;
                state.applied = Some((record.at, Duration::from_millis(500)));
            }
            Event::Waiting { step, reason, until, poll, change } => {
                self.release(*step);
                let state = &mut self.steps[step.index()];
                state.applied = state.applied.map(|(at, _)| (at, *poll));
                state.change = *change;
                state.phase = Phase::Settling { reason: reason.clone(), until: *until };
                self.timers.push(Reverse((*until, *step)));
            }
            Event::Retrying { step, attempt, error, until } => {
                self.release(*step);
                let state = &mut self.steps[step.index()];
                state.attempt = attempt + 1;
                state.applied = None;
                state.phase = Phase::Backoff { error: error.clone(), until: *until };
                self.timers.push(Reverse((*until, *step)));
            }
            Event::Settled { step, change, facts } => {
                self.release(*step);
                self.steps[step.index()].change = *change;
                self.settle(*step, facts.clone());
            }
            Event::Failed { step, error, kind } => {
                self.release(*step);
                self.finish(*step, Phase::Failed { error: error.clone(), kind: *kind });
                self.block(*step);
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
                    for lock in &self.plan.step(*step).step.locks {
                        *self.held.entry(lock.clone()).or_default() += 1;
                    }
                }
            }
            Event::Began { .. } | Event::Opened { .. } | Event::Ended { .. } => {}
        }
    }

    fn release(&mut self, step: StepId) {
        if self.steps[step.index()].phase != Phase::Running {
            return;
        }
        self.running -= 1;
        self.steps[step.index()].phase = Phase::Pending;
        let plan = Arc::clone(&self.plan);
        for lock in &plan.step(step).step.locks {
            if let Some(held) = self.held.get_mut(lock) {
                *held -= 1;
            }
            for parked in self.parked.remove(lock).unwrap_or_default() {
                self.make_ready(parked);
            }
        }
    }

    fn make_ready(&mut self, step: StepId) {
        self.steps[step.index()].phase = Phase::Ready;
        self.ready.push((self.heights[step.index()], Reverse(step)));
    }

    fn finish(&mut self, step: StepId, phase: Phase) {
        if !self.steps[step.index()].phase.is_final() {
            self.unfinished -= 1;
        }
        self.steps[step.index()].phase = phase;
    }

    fn settle(&mut self, step: StepId, facts: Facts) {
        self.facts.extend(facts);
        self.finish(step, Phase::Settled);
        let reached = self.count_down(step.into());
        self.reach(reached);
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
            Phase::Ready => Status::Waiting(Waiting::Limit { workers: self.limits.workers }),
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

fn span(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
