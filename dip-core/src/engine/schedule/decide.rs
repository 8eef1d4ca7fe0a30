//! What starts now, and what a record changes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::action::{Action, Look, Start};
use super::disruption::Disruption;
use super::phase::{Phase, State, Turn};
use super::waited::{For, Waited};
use crate::engine::Limits;
use crate::engine::clock::after;
use crate::engine::locks::Locks;
use crate::fact::{FactKey, Facts};
use crate::hash::ShortMap;
use crate::id::StepId;
use crate::journal::{Change, Event, Record};
use crate::plan::{Follows, Member, Plan, Reading, Vertex, VertexId};
use crate::step::{Hazard, Step};

/// The state of a run.
#[derive(Debug)]
pub struct Schedule {
    pub(super) plan: Arc<Plan>,
    pub(super) limits: Limits,
    /// For each vertex, how many predecessors are still to come before it counts as reached.
    pub(super) missing: Vec<u32>,
    /// For each vertex, how many predecessors have not failed.
    pub(super) alive: Vec<u32>,
    /// For each vertex, how long the longest way behind it takes.
    heights: Vec<u64>,
    pub(super) steps: Vec<State>,
    pub(super) facts: ShortMap<FactKey, Value>,
    /// The facts that were known when the plan was made, where some step is looked at again only if they change.
    before: ShortMap<FactKey, Value>,
    /// The steps on the longest way first: what others wait for longest must not wait itself.
    ready: BinaryHeap<Turn>,
    pub(super) locks: Locks<Turn>,
    pub(super) disruption: Disruption,
    /// Where each boot stands in the graph, where there are budgets.
    boots: Vec<VertexId>,
    timers: BinaryHeap<Reverse<(Timestamp, Wake)>>,
    pub(super) waited: Waited,
    pub(super) running: usize,
    pub(super) unfinished: usize,
    pub(super) stopping: bool,
    /// Why nothing new starts, where somebody holds the run.
    pub(super) hold: Option<String>,
    /// The steps that somebody holds, with the reason.
    pub(super) held: BTreeMap<StepId, String>,
    /// The waves that are done, behind which somebody must say that it goes on.
    pub(super) paused: BTreeSet<u32>,
    /// The waves behind which somebody said so.
    pub(super) released: BTreeSet<u32>,
    /// The orders that were obeyed.
    pub(super) obeyed: BTreeSet<String>,
    /// The last time that it was told of, by whoever polls or by a record.
    pub(super) seen: Option<Timestamp>,
}

/// What a timer wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    Step(StepId),
    Gate(u32),
}

impl Schedule {
    pub(super) fn fresh(plan: Arc<Plan>, limits: Limits) -> Self {
        let graph = plan.graph();
        let count = graph.vertices().len();
        let ids = || (0..).map(VertexId).take(count);
        let missing: Vec<u32> = ids().map(|vertex| graph.threshold(vertex)).collect();
        let alive: Vec<u32> = ids().map(|vertex| graph.predecessors(vertex).len() as u32).collect();
        let heights = graph.heights().into_iter().map(u64::from).collect();
        let known = || plan.known().iter().map(|known| (known.key.clone(), known.value.clone()));
        let facts: ShortMap<FactKey, Value> = known().collect();
        let follows = |reading: &Reading| matches!(reading, Reading::Follows(Follows::Values(_)));
        let before = if plan.steps().iter().any(|planned| follows(&planned.reading)) {
            known().collect()
        } else {
            ShortMap::default()
        };
        let boot_of = |vertex: &VertexId| matches!(graph.vertices()[vertex.index()], Vertex::Boot(_));
        // Boots stand in the graph in the order of the plan.
        let boots = if plan.budgets().list().is_empty() { Vec::new() } else { ids().filter(boot_of).collect() };
        let steps = vec![State::FRESH; plan.steps().len()];
        let unfinished = steps.len();
        let mut schedule = Self {
            locks: Locks::new(&plan, &limits),
            disruption: Disruption::new(plan.budgets(), steps.len()),
            plan,
            limits,
            missing,
            alive,
            heights,
            steps,
            facts,
            before,
            ready: BinaryHeap::new(),
            boots,
            timers: BinaryHeap::new(),
            waited: Waited::default(),
            running: 0,
            unfinished,
            stopping: false,
            hold: None,
            held: BTreeMap::new(),
            paused: BTreeSet::new(),
            released: BTreeSet::new(),
            obeyed: BTreeSet::new(),
            seen: None,
        };
        let free: Vec<VertexId> = ids().filter(|vertex| schedule.missing[vertex.index()] == 0).collect();
        schedule.reach(free);
        schedule
    }

    /// Lets those go first behind whom the longest time lies, by how long operations usually take.
    #[must_use]
    pub fn expecting(mut self, usual: impl Fn(&Step) -> Duration) -> Self {
        let plan = Arc::clone(&self.plan);
        let weight = |step: StepId| u32::try_from(usual(&plan.step(step).step).as_millis()).unwrap_or(u32::MAX).max(1);
        let ways = plan.graph().weighted_heights(weight);
        // What stands in the line of a lock takes as long as the line, and what leads to it as long as that and its own way.
        let lines = self.locks.lines(&ways, weight);
        self.heights = plan.graph().heights_over(weight, |step| lines[step.index()]);
        let ready: Vec<Turn> = std::mem::take(&mut self.ready).into_vec();
        self.ready = ready.into_iter().map(|(_, Reverse(step))| self.turn(step)).collect();
        self
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.seen = Some(now);
        self.waited.advance(now);
        self.wake(now, &mut actions);
        while !self.stopping && self.running < self.limits.workers() {
            let Some(turn) = self.ready.pop() else { break };
            let Reverse(step) = turn.1;
            // A replay settles steps that stand in the queue since the start.
            if self.steps[step.index()].phase == Phase::Ready {
                self.begin(step, turn, now, &mut actions);
            }
            self.wake_next(step);
        }
        self.waited.queue(self.ready.len(), self.running >= self.limits.workers());
        if !self.stopping {
            let looks = self.disruption.looks();
            actions.extend(looks.into_iter().map(|(budget, asked_by)| Action::Look(Look { budget, asked_by })));
            if actions.is_empty() {
                self.give_up(&mut actions);
            }
        }
        actions
    }

    /// Starts a step whose turn has come, or lets it wait for what is in its way.
    fn begin(&mut self, step: StepId, turn: Turn, now: Timestamp, actions: &mut Vec<Action>) {
        let is_new = self.steps[step.index()].since.is_none();
        if is_new && (self.hold.is_some() || self.held.contains_key(&step)) {
            self.steps[step.index()].phase = Phase::Held;
            return;
        }
        if let Some(facts) = self.unchanged(step) {
            actions.push(Action::Settle { step, facts });
            return;
        }
        let plan = Arc::clone(&self.plan);
        if is_new && plan.step(step).step.hazard != Hazard::None {
            if let Err(closed) = plan.site().conduct.open(now) {
                self.timers.push(Reverse((closed.until, Wake::Step(step))));
                self.steps[step.index()].phase = Phase::Shut(Box::new(closed));
                self.waited.begin(step, For::Window);
                return;
            }
            let takes = !self.steps[step.index()].again;
            if let Some(bar) = takes.then(|| self.disruption.bar(plan.budgets(), step)).flatten() {
                self.disruption.wait(bar.budget, turn);
                self.waited.begin(step, For::Budget(bar.budget));
                self.steps[step.index()].phase = Phase::Barred(bar);
                return;
            }
        }
        if let Some(lock) = self.locks.in_the_way(step, turn) {
            self.steps[step.index()].phase = Phase::Parked(lock);
            self.locks.park(lock, step, turn);
            self.waited.begin(step, For::Lock(lock));
            return;
        }
        actions.push(Action::Start(self.start(step, now)));
    }

    fn start(&mut self, step: StepId, now: Timestamp) -> Start {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.step(step).step;
        self.locks.take(step);
        if !self.steps[step.index()].again {
            self.disruption.take(plan.budgets(), step);
        }
        self.running += 1;
        let state = &mut self.steps[step.index()];
        state.phase = Phase::Running;
        // An owner before this one may have had a clock that was ahead.
        state.applied = state.applied.map(|(at, poll)| (at.min(now), poll));
        let since = *state.since.get_or_insert(now);
        let deadline = after(since, planned.patience.deadline);
        Start { step, attempt: state.attempt, deadline, applied: state.applied, change: state.change }
    }

    /// The facts of a step that is looked at again only where a value changes, if none has.
    fn unchanged(&self, step: StepId) -> Option<Facts> {
        let Reading::Follows(Follows::Values(read)) = &self.plan.step(step).reading else { return None };
        let same = |key| self.before.get(key).is_some_and(|before| self.facts.get(key) == Some(before));
        if !read.iter().all(same) {
            return None;
        }
        let mut facts = Facts::new();
        for key in &self.plan.step(step).step.gives {
            facts.insert(key.clone(), self.before.get(key)?.clone());
        }
        Some(facts)
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while self.timers.peek().is_some_and(|Reverse((until, _))| *until <= now) {
            let Some(Reverse((time, wake))) = self.timers.pop() else { break };
            match wake {
                Wake::Gate(budget) => self.wake_gate(budget, now, actions),
                Wake::Step(step) => {
                    // What came about otherwise is not woken by the timer that it has left.
                    let due = match &self.steps[step.index()].phase {
                        Phase::Settling { until, .. } | Phase::Backoff { until, .. } => *until == time,
                        Phase::Shut(closed) => closed.until == time,
                        _ => false,
                    };
                    if due {
                        self.make_ready(step);
                    }
                }
            }
        }
    }

    fn wake_gate(&mut self, budget: u32, now: Timestamp, actions: &mut Vec<Action>) {
        let Some((why, waiting)) = self.disruption.look_again(budget, now) else { return };
        let name = &self.plan.budgets().list()[budget as usize].name;
        let error = format!(
            "it may not start: {name} was not healthy for ten minutes ({why}); look at the cluster, then retry the step"
        );
        let fail = |(_, Reverse(step)): Turn| Action::Fail { step, error: error.clone() };
        actions.extend(waiting.into_iter().map(fail));
    }

    /// Where nothing runs, nothing is waited for and nobody can help, those who wait for a budget wait for each other.
    fn give_up(&mut self, actions: &mut Vec<Action>) {
        let goes_on = self.running > 0
            || self.unfinished == 0
            || !self.timers.is_empty()
            || !self.ready.is_empty()
            || self.disruption.is_looking()
            || self.hold.is_some()
            || !self.held.is_empty()
            || !self.paused.is_empty();
        if goes_on {
            return;
        }
        let plan = Arc::clone(&self.plan);
        for budget in self.disruption.waited_for() {
            if self.disruption.is_reported(budget) {
                continue;
            }
            let of = &plan.budgets().list()[budget as usize];
            let away: Vec<String> = self.disruption.away(of, budget).map(ToString::to_string).collect();
            let error = format!(
                "it would wait for ever: {} lets no further member be away while {} is, which does not come back in this run; \
                 bring it back, or raise `max_unavailable`",
                of.name,
                away.join(", ")
            );
            let waiting = self.disruption.give_up(budget);
            actions.extend(waiting.into_iter().map(|(_, Reverse(step))| Action::Fail { step, error: error.clone() }));
        }
    }

    /// Lets the next in turn try for what a step has given back or did not take.
    fn wake_next(&mut self, step: StepId) {
        for (_, Reverse(step)) in self.locks.next_in_turn(step) {
            if matches!(self.steps[step.index()].phase, Phase::Parked(_)) {
                self.make_ready(step);
            }
        }
        let plan = Arc::clone(&self.plan);
        let mut last = None;
        for take in plan.budgets().takes(step) {
            if last.replace(take.budget) != Some(take.budget) {
                self.wake_budget(take.budget);
            }
        }
    }

    pub(super) fn wake_budget(&mut self, budget: u32) {
        let plan = Arc::clone(&self.plan);
        while let Some((_, Reverse(step))) = self.disruption.next_in_turn(plan.budgets(), budget) {
            if matches!(self.steps[step.index()].phase, Phase::Barred(_)) {
                self.make_ready(step);
                break;
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
        self.seen = self.seen.max(Some(record.at));
        self.waited.tell(record.at);
        match &record.event {
            Event::Applying { step, attempt, .. } => {
                let state = &mut self.steps[step.index()];
                state.attempt = *attempt;
                state.change = Change::Made;
                state.applied = Some((record.at, Duration::from_millis(500)));
                // What was done has come undone, and is done once more.
                if std::mem::take(&mut state.again) {
                    let plan = Arc::clone(&self.plan);
                    self.disruption.take(plan.budgets(), *step);
                }
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
            Event::Ordered(order) => self.obey(order),
            Event::Looked { budget, health } => {
                if let Some(next) = self.disruption.looked(*budget, health, record.at) {
                    self.timers.push(Reverse((next, Wake::Gate(*budget))));
                } else if (*budget as usize) < self.plan.budgets().list().len() {
                    self.wake_budget(*budget);
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
                    let takes = !state.again;
                    self.locks.take(*step);
                    if takes {
                        let plan = Arc::clone(&self.plan);
                        self.disruption.take(plan.budgets(), *step);
                    }
                }
            }
            Event::Ended { .. } => self.end(),
            Event::Began { .. } | Event::Opened { .. } | Event::Approved { .. } | Event::Consented { .. } => {}
        }
        if let Some(step) = record.event.step() {
            self.see_who_is_back(step);
        }
    }

    /// Whether the members of a step's budgets serve again.
    pub(super) fn see_who_is_back(&mut self, step: StepId) {
        let plan = Arc::clone(&self.plan);
        for take in plan.budgets().takes(step) {
            if self.disruption.is_away(take.budget, take.member)
                && self.is_back(take.budget, take.member)
                && self.disruption.came_back(take.budget, take.member)
            {
                self.wake_budget(take.budget);
            }
        }
    }

    /// Whether the members of all budgets serve.
    pub(super) fn see_all_who_are_back(&mut self) {
        let plan = Arc::clone(&self.plan);
        for (budget, of) in (0..).zip(plan.budgets().list()) {
            for member in 0..u32::try_from(of.members.len()).expect("a site has fewer than 2^32 nodes") {
                if self.disruption.is_away(budget, member) && self.is_back(budget, member) {
                    self.disruption.came_back(budget, member);
                }
            }
        }
    }

    /// A member is back once nothing that takes it away is under way, no boot of it is, and what says that it serves says so.
    fn is_back(&self, budget: u32, member: u32) -> bool {
        let of = &self.plan.budgets().list()[budget as usize].members[member as usize];
        self.serves(of, self.disruption.disrupts(budget, member), Phase::is_done)
    }

    /// The step that disrupts a node now, or did before it is back.
    pub(in crate::engine) fn disrupts_now(&self, of: &Member, disrupts: &[StepId]) -> Option<StepId> {
        let has_begun = |step: &&StepId| {
            let state = &self.steps[step.index()];
            state.since.is_some() || state.change == Change::Made
        };
        disrupts.iter().find(has_begun).copied().filter(|_| !self.is_over(of, disrupts))
    }

    /// Whether nothing is done to a node any more that disrupts it: it is back, or what would bring it back has failed.
    pub(in crate::engine) fn is_over(&self, of: &Member, disrupts: &[StepId]) -> bool {
        self.serves(of, disrupts, Phase::is_final)
    }

    fn serves(&self, of: &Member, disrupts: &[StepId], done: fn(&Phase) -> bool) -> bool {
        let is_under_way = |step: &StepId| {
            let state = &self.steps[step.index()];
            // Or by an owner before this one, or before somebody had it begin anew.
            let has_begun = state.since.is_some() || state.change == Change::Made;
            has_begun && !state.again && !done(&state.phase)
        };
        // What was done, and is only looked at again, has been done.
        let is_done = |step: &StepId| {
            let state = &self.steps[step.index()];
            done(&state.phase) || state.again
        };
        let parts = |boot: u32| &self.plan.boots()[boot as usize].parts;
        let is_seen = |boot: u32| !parts(boot).is_empty() && parts(boot).iter().all(is_done);
        let is_reached = |boot: u32| self.missing[self.boots[boot as usize].index()] == 0 || is_seen(boot);
        let has_begun = |boot: u32| {
            // Or by an owner before this one, who died while the node booted.
            let begun = |part: &StepId| {
                let state = &self.steps[part.index()];
                state.since.is_some() || state.change == Change::Made || is_done(part)
            };
            parts(boot).iter().any(begun)
        };
        let must_boot = |boot: u32| of.presence != crate::plan::Presence::Up && of.boots.first() == Some(&boot);
        let boots = || of.boots.iter().copied();
        of.presence != crate::plan::Presence::Out
            && !disrupts.iter().any(is_under_way)
            && boots().all(|boot| is_reached(boot) || !(has_begun(boot) || must_boot(boot)))
            && of.serves.iter().all(is_done)
    }

    /// Lets a step wait until a time.
    fn pause(&mut self, step: StepId, phase: Phase, until: Timestamp) {
        self.release(step);
        if !self.steps[step.index()].phase.is_final() {
            self.steps[step.index()].phase = phase;
            self.timers.push(Reverse((until, Wake::Step(step))));
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
        self.locks.give_back(step);
        self.wake_next(step);
    }

    /// What has begun comes before all that has not: its patience runs.
    pub(super) fn turn(&self, step: StepId) -> Turn {
        let has_begun = self.steps[step.index()].since.is_some();
        (if has_begun { u64::MAX } else { self.heights[step.index()] }, Reverse(step))
    }

    pub(super) fn make_ready(&mut self, step: StepId) {
        self.waited.end(step);
        self.steps[step.index()].phase = Phase::Ready;
        self.ready.push(self.turn(step));
    }

    /// Whether it was not finished before: what is final stays as it is.
    pub(super) fn finish(&mut self, step: StepId, phase: Phase) -> bool {
        let is_new = !self.steps[step.index()].phase.is_final();
        if is_new {
            self.leave_queues(step);
            self.unfinished -= 1;
            self.steps[step.index()].phase = phase;
        }
        is_new
    }

    /// Takes a step that will not start out of what it waits in.
    fn leave_queues(&mut self, step: StepId) {
        let turn = self.turn(step);
        match &self.steps[step.index()].phase {
            Phase::Parked(lock) => self.locks.leave(*lock, turn),
            Phase::Barred(bar) => self.disruption.leave(bar.budget, turn),
            Phase::Shut(_) => {}
            _ => return,
        }
        self.waited.end(step);
        self.wake_next(step);
    }

    pub(super) fn settle(&mut self, step: StepId, facts: Facts) {
        if self.finish(step, Phase::Settled) {
            self.facts.extend(facts);
            let reached = self.count_down(step.into());
            self.reach(reached);
        }
    }

    /// Tells the successors of a vertex that it is reached; gives those that are reached by it.
    pub(super) fn count_down(&mut self, vertex: VertexId) -> Vec<VertexId> {
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

    pub(super) fn reach(&mut self, mut reached: Vec<VertexId>) {
        while let Some(vertex) = reached.pop() {
            match self.plan.graph().vertices()[vertex.index()] {
                Vertex::Step(step) => {
                    if self.steps[step.index()].phase == Phase::Pending {
                        self.make_ready(step);
                    }
                }
                Vertex::Wave(wave) if self.pauses_behind(wave) => {
                    self.paused.insert(wave);
                }
                _ => reached.extend(self.count_down(vertex)),
            }
        }
    }

    fn pauses_behind(&self, wave: u32) -> bool {
        self.plan.budgets().waves()[wave as usize].pause && !self.released.contains(&wave)
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
                if let Some(value) = self.facts.get(key) {
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
}
