//! The driver: a thin tokio loop that does what the schedule decides and records what came of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument, field};

use super::attempt::{Shared, attempt};
use super::control::{Given, Obeying};
use super::log::RunLog;
use super::quiet::Quiet;
use super::schedule::{Action, Look, Start};
use super::{Clock, Control, Limits, Refusal, Schedule, Status, Stop, SystemClock, look, spans};
use crate::actor::Actor;
use crate::guard::{Authority, Denial, Gate, Guard, Refusals, Refused};
use crate::id::StepId;
use crate::journal::{Change, Event, FailureKind, Journal, JournalError, Order, Owner, RECORD_VERSION, Record};
use crate::operation::{Assignment, Operations};
use crate::plan::{Plan, Watch};
use crate::provider::Providers;
use crate::report::{Outcome, Report};
use crate::step::Step;

/// Carries out plans.
#[derive(Debug)]
pub struct Engine {
    operations: Operations,
    providers: Providers,
    limits: Limits,
    clock: Arc<dyn Clock>,
    control: Control,
    usual: Option<Usual>,
    watchers: Vec<UnboundedSender<Record>>,
    gate: Gate,
}

/// How long a step usually takes.
#[derive(Clone)]
struct Usual(Arc<dyn Fn(&Step) -> Duration + Send + Sync>);

impl std::fmt::Debug for Usual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Usual")
    }
}

/// A run could not go on, and its steps are not to blame.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What is done cannot be written down, so nothing more is done.
    #[error("the run was stopped, because what it does cannot be written down")]
    Journal(#[from] JournalError),
    /// Guards refuse the plan; nothing was done.
    #[error(transparent)]
    Refused(Refusals),
    /// Whoever wants to run it may not; nothing was done.
    #[error(transparent)]
    Denied(Denial),
    /// The records are not those of a run.
    #[error("the journal does not begin with a plan; it is not that of a run")]
    NoPlan,
    /// A worker panicked. The step is not recorded as done; a resume looks at it again.
    #[error("a worker ended in a panic; the run was stopped and can be resumed")]
    Panic(#[source] JoinError),
}

impl Engine {
    /// An engine that acts through these providers, with the usual limits and the machine's clock.
    #[must_use]
    pub fn new(operations: Operations, providers: Providers) -> Self {
        Self {
            operations,
            providers,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            control: Control::new(),
            usual: None,
            watchers: Vec::new(),
            gate: Gate::default(),
        }
    }

    /// Sets how much may go on at once.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Lets the run be commanded while it goes on.
    #[must_use]
    pub fn control(mut self, control: &Control) -> Self {
        self.control = control.clone();
        self
    }

    /// Lets those steps go first behind whom the longest time lies, by how long steps usually take (see [`crate::history`]).
    #[must_use]
    pub fn expecting(mut self, usual: impl Fn(&Step) -> Duration + Send + Sync + 'static) -> Self {
        self.usual = Some(Usual(Arc::new(usual)));
        self
    }

    fn schedule(&self, plan: Arc<Plan>, records: &[Record]) -> Schedule {
        let schedule = Schedule::replay(plan, self.limits.clone(), records);
        match &self.usual {
            Some(Usual(usual)) => schedule.expecting(|step| usual(step)),
            None => schedule,
        }
    }

    /// Sets what runs are begun with: ceilings, consents, approvals. Without it the ceilings of the site and the engine hold,
    /// and nothing may be erased.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.gate.guard = guard;
        self
    }

    /// Sets who decides what may be done.
    #[must_use]
    pub fn authority(mut self, authority: Arc<dyn Authority>) -> Self {
        self.gate.authority = authority;
        self
    }

    /// Sets for whom it acts; the user of this process where nobody is named.
    #[must_use]
    pub fn acting_for(mut self, actor: Actor) -> Self {
        self.gate.actor = actor;
        self
    }

    /// All records of the runs to come, as they happen. Dropping the receiver is fine.
    pub fn events(&mut self) -> UnboundedReceiver<Record> {
        let (sender, receiver) = unbounded_channel();
        self.watchers.push(sender);
        receiver
    }

    /// Carries out a plan as a new run.
    ///
    /// # Errors
    /// Where guards or the authority refuse the plan, with nothing done, or the journal fails. A failed step is not an error:
    /// the report tells it.
    ///
    /// # Cancel safety
    /// Dropping the future abandons running steps; the journal tells what may have happened, and `resume` goes on.
    pub async fn run(
        &self,
        run: &str,
        plan: Arc<Plan>,
        journal: Arc<dyn Journal>,
        stop: &Stop,
    ) -> Result<Report, EngineError> {
        let papers = self.gate.begin(&plan, self.clock.now()).await?;
        let schedule = self.schedule(Arc::clone(&plan), &[]);
        let log = RunLog::new(Arc::clone(&self.clock), journal, self.watchers.clone(), 0);
        log.append(Event::Began { version: RECORD_VERSION, run: run.to_owned(), plan })?;
        self.drive(run.to_owned(), schedule, log, 1, (self.gate.clone(), papers), stop).await
    }

    /// Goes on with a run from the records of its journal.
    ///
    /// # Errors
    /// Where guards or the authority refuse what is left, the journal fails, or its records do not begin with a plan.
    ///
    /// # Cancel safety
    /// As for [`Self::run`].
    pub async fn resume(
        &self,
        records: &[Record],
        journal: Arc<dyn Journal>,
        stop: &Stop,
    ) -> Result<Report, EngineError> {
        let Some(Event::Began { run, plan, .. }) = records.first().map(|record| &record.event) else {
            return Err(EngineError::NoPlan);
        };
        let fence = records.iter().filter_map(|record| match record.event {
            Event::Opened { fence, .. } => Some(fence),
            _ => None,
        });
        let fence = fence.max().unwrap_or(0).saturating_add(1);
        let next = records.last().map_or(0, |record| record.sequence.saturating_add(1));
        let schedule = self.schedule(Arc::clone(plan), records);
        let is_done = |step: StepId| matches!(schedule.status(step), Status::Settled(_) | Status::Skipped { .. });
        let gate = self.gate.go_on(plan, self.clock.now(), records, &is_done).await?;
        let log = RunLog::new(Arc::clone(&self.clock), journal, self.watchers.clone(), next);
        self.drive(run.clone(), schedule, log, fence, gate, stop).await
    }

    async fn drive(
        &self,
        run: String,
        schedule: Schedule,
        log: RunLog,
        fence: u64,
        (gate, papers): (Gate, Vec<Event>),
        stop: &Stop,
    ) -> Result<Report, EngineError> {
        let span = spans::run(&run, schedule.plan());
        let began = log.now();
        let limits = Some(self.limits.clone());
        log.append(Event::Opened { owner: Owner::this_process(), fence, limits })?;
        papers.into_iter().try_for_each(|paper| log.append(paper))?;
        log.sync().await?;
        let shared = Arc::new(Shared {
            operations: self.operations.clone(),
            providers: self.providers.clone(),
            plan: Arc::clone(schedule.plan()),
            gate,
            quiet: Quiet::of(schedule.plan(), &self.providers, &run),
            log,
            abandoned: stop.abandoned().clone(),
        });
        let control = Arc::new(self.control.obeying());
        if fence > 1 {
            shared.quiet.take_over(schedule.plan(), &schedule, shared.log.now()).await;
        }
        let mut drive = Drive { run, schedule, shared, fence, control, workers: JoinSet::new() };
        let outcome = drive.until_done(stop).instrument(span.clone()).await;
        // What was done when the run was stopped is done; what it led to must not be lost.
        while let Some(joined) = drive.workers.try_join_next() {
            if let Err(error) = drive.ended(joined) {
                tracing::warn!(error = crate::provider::sentence(&error), "a worker ended badly after the run");
            }
        }
        // Workers are joined whatever happened: nothing goes on after a run has ended.
        drive.workers.shutdown().await;
        drive.shared.quiet.end_all().await;
        if outcome.is_err()
            && let Err(error) = drive.shared.log.sync().await
        {
            tracing::warn!(error = crate::provider::sentence(&error), "the last records could not be written");
        }
        let outcome = outcome?;
        span.record("outcome", field::display(outcome));
        let now = drive.shared.log.now();
        let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        drive.shared.log.append(Event::Ended { outcome, took })?;
        drive.shared.log.sync().await?;
        drive.take_in();
        Ok(Report::new(&drive.run, &drive.schedule, outcome, took))
    }
}

impl From<Refused> for EngineError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Guards(refusals) => Self::Refused(refusals),
            Refused::Denied(denial) => Self::Denied(denial),
        }
    }
}

/// How long a record may stand in memory only, for those who read the journal during the run. What must be on disk before
/// an effect is synced by itself.
const READERS_WAIT: Duration = Duration::from_secs(1);

type Worker = Result<Option<Event>, JournalError>;

struct Drive {
    run: String,
    schedule: Schedule,
    shared: Arc<Shared>,
    fence: u64,
    control: Arc<Obeying>,
    workers: JoinSet<Worker>,
}

impl Drive {
    async fn until_done(&mut self, stop: &Stop) -> Result<Outcome, EngineError> {
        let mut told = false;
        let mut flush: Option<Instant> = None;
        loop {
            if self.take_in() {
                flush.get_or_insert_with(|| Instant::now() + READERS_WAIT);
            }
            if stop.draining().is_cancelled() && !told {
                told = true;
                self.shared.log.append(Event::Stopping)?;
                self.take_in();
            }
            self.obey().await?;
            let actions = self.schedule.poll(self.shared.log.now());
            let mut has_told = false;
            for action in actions {
                has_told |= self.act(action)?;
            }
            if has_told {
                continue;
            }
            if self.schedule.is_finished() {
                return Ok(Outcome::of(&self.schedule));
            }
            self.keep_quiet();
            let control = Arc::clone(&self.control);
            let next = [self.schedule.next_wake(), self.shared.quiet.due()].into_iter().flatten().min();
            let wake = sleep(next, self.shared.log.now());
            tokio::select! {
                biased;
                () = stop.abandoned().cancelled() => return Ok(Outcome::Interrupted),
                () = stop.draining().cancelled(), if !told => {}
                () = control.given() => {}
                Some(joined) = self.workers.join_next() => {
                    self.ended(joined)?;
                    // Many end at once: they are taken in together.
                    while let Some(joined) = self.workers.try_join_next() {
                        self.ended(joined)?;
                    }
                }
                () = async { tokio::time::sleep_until(flush.unwrap_or_else(Instant::now)).await }, if flush.is_some() => {
                    flush = None;
                    let shared = Arc::clone(&self.shared);
                    self.workers.spawn(async move { shared.log.sync().await.map(|()| None) });
                }
                () = wake => {}
            }
        }
    }

    /// Prolongs silences that are due, and ends those of nodes that are back.
    fn keep_quiet(&mut self) {
        let now = self.shared.log.now();
        if self.shared.quiet.take_due(now) {
            let shared = Arc::clone(&self.shared);
            self.workers.spawn(async move {
                shared.quiet.prolong(now).await;
                Ok(None)
            });
        }
        for node in self.shared.quiet.over(&self.schedule) {
            let shared = Arc::clone(&self.shared);
            self.workers.spawn(async move {
                shared.quiet.end(node).await;
                Ok(None)
            });
        }
    }

    /// Obeys what was ordered since, or tells why it cannot.
    async fn obey(&mut self) -> Result<(), EngineError> {
        while let Some(Given { order, answer }) = self.control.next() {
            let can = if self.schedule.has_obeyed(&order.id) { Ok(()) } else { self.obey_new(order).await? };
            // Who asked may have gone away.
            let _ = answer.send(can);
        }
        Ok(())
    }

    async fn obey_new(&mut self, order: Order) -> Result<Result<(), Refusal>, EngineError> {
        if let Err(refusal) = self.schedule.check_order(&order.command) {
            return Ok(Err(refusal));
        }
        if let Err(denial) = self.shared.gate.order(&order).await {
            return Ok(Err(Refusal::Denied(denial)));
        }
        self.shared.log.append(Event::Ordered(order))?;
        // Who ordered reads the journal to learn that it is obeyed.
        self.shared.log.sync().await?;
        self.take_in();
        Ok(Ok(()))
    }

    /// Does what the schedule asks for; whether it is done already, and told by a record.
    fn act(&mut self, action: Action) -> Result<bool, EngineError> {
        match action {
            Action::Start(start) => self.start(start).map(|()| false),
            Action::Look(look) => {
                self.look(look);
                Ok(false)
            }
            Action::Settle { step, facts } => {
                self.shared.log.append(Event::Settled { step, change: Change::None, facts })?;
                Ok(true)
            }
            Action::Fail { step, error } => {
                self.shared.log.append(Event::Failed { step, error, kind: FailureKind::Error })?;
                Ok(true)
            }
        }
    }

    fn look(&mut self, look: Look) {
        let plan = Arc::clone(self.schedule.plan());
        let watches = &plan.budgets().list()[look.budget as usize].watches;
        let Some(first) = watches.first() else { return };
        let assignment = |watch: &Watch| {
            let in_plan = plan.steps().iter().position(|planned| planned.step.name == watch.step).map(StepId::at);
            Assignment {
                run: self.run.clone(),
                step: look.asked_by,
                name: watch.step.clone(),
                call: watch.call.clone(),
                facts: in_plan.map(|step| self.schedule.facts_for(step)).unwrap_or_default(),
                attempt: 1,
                deadline: self.shared.log.now(),
                fence: self.fence,
            }
        };
        let assignments = watches.iter().map(assignment).collect();
        let shared = Arc::clone(&self.shared);
        let span = spans::gate(&first.step, first.call.operation());
        let seen = async move { Ok(look::look(&shared, assignments, look.budget).await.inspect(spans::told)) };
        self.workers.spawn(seen.instrument(span));
    }

    fn start(&mut self, start: Start) -> Result<(), EngineError> {
        let planned = self.schedule.plan().step(start.step);
        let step = &planned.step;
        let assignment = Assignment {
            run: self.run.clone(),
            step: start.step,
            name: step.name.clone(),
            call: step.call.clone(),
            facts: self.schedule.facts_for(start.step),
            attempt: start.attempt,
            deadline: start.deadline,
            fence: self.fence,
        };
        let patience = step.patience;
        let span = spans::step(step, start.attempt);
        if start.applied.is_none() {
            self.shared.log.append(Event::Started { step: start.step, attempt: start.attempt })?;
        }
        let shared = Arc::clone(&self.shared);
        let work = async move { attempt(&shared, assignment, &start, patience).await };
        // Boxed, for the runtime moves a task whole when it begins and when it ends.
        self.workers.spawn(Box::pin(work.instrument(span)));
        Ok(())
    }

    fn ended(&mut self, joined: Result<Worker, JoinError>) -> Result<(), EngineError> {
        if let Some(event) = joined.map_err(EngineError::Panic)?? {
            self.shared.log.append(event)?;
        }
        Ok(())
    }

    /// The schedule learns what happened from the same records that the journal keeps; whether there were any.
    fn take_in(&mut self) -> bool {
        let fresh = self.shared.log.take_fresh();
        for record in &fresh {
            self.schedule.record(record);
        }
        !fresh.is_empty()
    }
}

/// Waits until a time; for ever where there is none.
async fn sleep(until: Option<Timestamp>, now: Timestamp) {
    match until {
        None => std::future::pending().await,
        Some(until) => tokio::time::sleep(Duration::try_from(until.duration_since(now)).unwrap_or_default()).await,
    }
}
