//! One attempt at one step: check → apply → check, and what is made of the outcome.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::clock::after;
use super::log::RunLog;
use super::quiet::Quiet;
use super::retry::pause;
use super::schedule::Start;
use super::spans;
use crate::fact::Facts;
use crate::guard::Gate;
use crate::journal::{Change, Event, FailureKind, JournalError};
use crate::operation::{
    Applied, Assignment, Check, Context, Diff, Gap, OperationError, Operations, Patience, Runnable,
};
use crate::plan::Plan;
use crate::provider::{Providers, Retry, sentence};

/// The pause before a second look at what should be so at once: long enough for a server to take in what it accepted.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// The shortest pause between two looks: nobody can be asked all the time, and a simulated clock must be let go on.
const SHORTEST: Duration = Duration::from_millis(100);

/// What all attempts of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) operations: Operations,
    pub(super) providers: Providers,
    pub(super) plan: Arc<Plan>,
    pub(super) gate: Gate,
    pub(super) quiet: Quiet,
    pub(super) log: RunLog,
    pub(super) abandoned: CancellationToken,
}

/// Works on a step once and tells what came of it, as the event to be recorded; `None` where it was abandoned.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    assignment: Assignment,
    start: &Start,
    patience: Patience,
) -> Result<Option<Event>, JournalError> {
    let work = Attempt { shared, assignment: &assignment, start, patience };
    tokio::select! {
        biased;
        () = shared.abandoned.cancelled() => Ok(None),
        event = contained(work.run()) => match event {
            Ok(event) => event.inspect(spans::told).map(Some),
            Err(panic) => Ok(Some(work.gone_wrong(&panic)).inspect(spans::told)),
        },
    }
}

/// Work that may panic, and what it said where it did: operations come from many hands, and a bug in one must not end all others.
pub(super) async fn contained<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
    })
}

struct Attempt<'a> {
    shared: &'a Shared,
    assignment: &'a Assignment,
    start: &'a Start,
    patience: Patience,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<Event, JournalError> {
        let operation = match self.shared.operations.load(&self.assignment.call) {
            Ok(operation) => operation,
            Err(error) => return Ok(self.failed(&error)),
        };
        match (self.limited(operation.check(&self.context())).await, self.start.applied) {
            (Ok(Check::Holds(facts)), _) => Ok(self.settled(self.start.change, facts)),
            (Ok(Check::Differs(diff)), Some(_)) if self.now() >= self.start.deadline => Ok(self.unsettled(&diff)),
            (Ok(Check::Differs(diff)), Some((at, poll))) if !self.is_over(at) => {
                Ok(self.waiting(format!("{diff}"), poll, self.start.change))
            }
            // What was asked for has not come true: the request may have been lost, so it is made again.
            (Ok(Check::Differs(diff)), Some(_)) => {
                self.apply(&*operation, diff, self.start.attempt.saturating_add(1)).await
            }
            (Ok(Check::Differs(diff)), None) => self.apply(&*operation, diff, self.start.attempt).await,
            // Whoever restarts may be gone for a while: no reason to ask for what was asked for already.
            (Err(error), Some((_, poll))) => Ok(self.unanswered(&error, poll, self.start.change)),
            (Ok(Check::Unknown(gap)), Some((_, poll))) => Ok(self.unclear(&gap, poll, self.start.change)),
            (Err(error), None) => Ok(self.failed(&error)),
            (Ok(Check::Unknown(gap)), None) => Ok(self.unseen(&gap)),
        }
    }

    async fn apply(&self, operation: &dyn Runnable, diff: Diff, attempt: u32) -> Result<Event, JournalError> {
        let (step, facts) = (self.start.step, &self.assignment.facts);
        if let Err(error) = self.shared.gate.apply(&self.shared.plan, step, facts, self.now()).await {
            return Ok(Event::Failed { step, error, kind: FailureKind::Refused });
        }
        let silenced = async { Ok(self.shared.quiet.before(&self.shared.plan, step, self.now()).await?) };
        if let Err(error) = self.limited(silenced).await {
            return Ok(self.failed(&error));
        }
        // The intent is on disk before the effect: whoever resumes knows that it may have happened.
        let intent = Event::Applying { step, attempt, diff };
        self.shared.log.append(intent)?;
        self.shared.log.sync().await?;
        // The operation is told which attempt it is: some do more when a first one came to nothing.
        let assignment = Assignment { attempt, ..self.assignment.clone() };
        let context = Context::new(&assignment, &self.shared.providers, &self.shared.abandoned);
        match self.limited(operation.apply(&context)).await {
            Err(error) => Ok(self.failed(&error)),
            Ok(Applied::Wait { reason, poll }) => Ok(self.waiting(reason, poll, Change::Made)),
            Ok(Applied::Watch { reason, poll }) => Ok(self.waiting(reason, poll, self.start.change)),
            Ok(Applied::Done) => Ok(match self.limited(operation.check(&self.context())).await {
                Err(error) => self.unanswered(&error, SECOND_LOOK, Change::Made),
                Ok(Check::Holds(facts)) => self.settled(Change::Made, facts),
                Ok(Check::Differs(diff)) => self.waiting(format!("{diff}"), SECOND_LOOK, Change::Made),
                Ok(Check::Unknown(gap)) => self.unclear(&gap, SECOND_LOOK, Change::Made),
            }),
        }
    }

    fn context(&self) -> Context<'_> {
        Context::new(self.assignment, &self.shared.providers, &self.shared.abandoned)
    }

    async fn limited<T>(&self, work: impl Future<Output = Result<T, OperationError>>) -> Result<T, OperationError> {
        let limit = self.patience.attempt;
        tokio::time::timeout(limit, work).await.unwrap_or(Err(OperationError::Slow(limit)))
    }

    fn now(&self) -> Timestamp {
        self.shared.log.now()
    }

    /// Whether what was applied at a time has had as long as one attempt may take.
    fn is_over(&self, applied: Timestamp) -> bool {
        after(applied, self.patience.attempt) <= self.now()
    }

    fn settled(&self, change: Change, facts: Facts) -> Event {
        Event::Settled { step: self.start.step, change, facts }
    }

    /// The last look is when patience ends, however long the pauses are.
    fn waiting(&self, reason: String, poll: Duration, change: Change) -> Event {
        let (now, step) = (self.now(), self.start.step);
        let last = self.start.deadline.max(after(now, SHORTEST));
        let until = after(now, poll.max(SHORTEST)).min(last);
        Event::Waiting { step, reason, until, poll, change }
    }

    /// A look after the apply that got no answer: it is waited for like an answer that says "not yet".
    fn unanswered(&self, error: &OperationError, poll: Duration, change: Change) -> Event {
        let kind = if error.is_conflict() { FailureKind::Conflict } else { FailureKind::Error };
        self.wait_or_fail(error.retry(), sentence(error), kind, poll, change)
    }

    fn unclear(&self, gap: &Gap, poll: Duration, change: Change) -> Event {
        self.wait_or_fail(retry_of(gap), gap.to_string(), FailureKind::Error, poll, change)
    }

    fn wait_or_fail(&self, retry: Retry, error: String, kind: FailureKind, poll: Duration, change: Change) -> Event {
        match pause(retry, self.start.attempt) {
            Some(pause) if self.now() < self.start.deadline => {
                self.waiting(format!("an answer ({error})"), poll.max(pause), change)
            }
            _ => self.retry_or_fail(Retry::Never, error, kind),
        }
    }

    fn gone_wrong(&self, panic: &str) -> Event {
        let error = format!("the operation ended in a panic, which is a bug of the layer that brings it: {panic}");
        Event::Failed { step: self.start.step, error, kind: FailureKind::Error }
    }

    fn unsettled(&self, diff: &Diff) -> Event {
        let error = format!("it was asked for and did not come true within {:?}: {diff}", self.patience.deadline);
        Event::Failed { step: self.start.step, error, kind: FailureKind::Unsettled }
    }

    fn failed(&self, error: &OperationError) -> Event {
        let kind = if error.is_conflict() { FailureKind::Conflict } else { FailureKind::Error };
        self.retry_or_fail(error.retry(), sentence(error), kind)
    }

    fn unseen(&self, gap: &Gap) -> Event {
        self.retry_or_fail(retry_of(gap), gap.to_string(), FailureKind::Error)
    }

    fn retry_or_fail(&self, retry: Retry, error: String, kind: FailureKind) -> Event {
        let (step, attempt) = (self.start.step, self.start.attempt);
        match pause(retry, attempt).map(|pause| after(self.now(), pause)) {
            Some(until) if until < self.start.deadline => Event::Retrying { step, attempt, error, until },
            Some(_) => {
                let error = format!("{error} (tried {attempt} times within {:?})", self.patience.deadline);
                Event::Failed { step, error, kind }
            }
            None => Event::Failed { step, error, kind },
        }
    }
}

const fn retry_of(gap: &Gap) -> Retry {
    match gap {
        Gap::Fact(_) | Gap::Foreign(_) => Retry::Never,
        Gap::Environment(_) | Gap::Unobservable(_) => Retry::Backoff,
    }
}
