//! The spans of a run, all in one place: who follows a run by its traces finds their names and fields here, and in
//! `docs/observability.md`. Fields hold names, counts and sentences, never what a step is given or reads.

use tracing::{Span, debug_span, field, info_span};

use crate::id::SiteName;
use crate::journal::{Change, Event, FailureKind, Health};
use crate::operation::Check;
use crate::plan::Plan;
use crate::step::{Step, StepName};

/// A run by one owner, from its first record to its last.
pub(super) fn run(run: &str, plan: &Plan) -> Span {
    info_span!(
        "run",
        run,
        plan = plan.id().short(),
        site = %plan.site().name,
        steps = plan.steps().len(),
        outcome = field::Empty,
    )
}

/// One time that a worker has a step: an attempt, or a further look at what was asked for before.
pub(super) fn step(step: &Step, attempt: u32) -> Span {
    info_span!(
        "step",
        step = %step.name,
        subject = %step.subject,
        layer = %step.layer,
        operation = step.call.operation(),
        attempt,
        outcome = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// The layers propose what would bring a site to what is wanted.
pub(super) fn draft(site: &SiteName) -> Span {
    info_span!("draft", %site)
}

/// A look at all that a draft is about.
pub(super) fn survey(site: &SiteName, steps: usize) -> Span {
    info_span!("survey", %site, steps)
}

/// A look at one step of a draft.
pub(super) fn check(step: &Step) -> Span {
    debug_span!(
        "check",
        step = %step.name,
        subject = %step.subject,
        layer = %step.layer,
        operation = step.call.operation(),
        outcome = field::Empty,
    )
}

/// The plan is made of what was seen.
pub(super) fn plan(site: &SiteName, steps: usize) -> Span {
    info_span!("plan", %site, steps, plan = field::Empty)
}

/// A look at a health gate.
pub(super) fn gate(step: &StepName, operation: &str) -> Span {
    debug_span!("gate", %step, operation, outcome = field::Empty)
}

/// Tells within a step's or a gate's span what came of it. What failed for good is in the report too, so that it is no warning here.
pub(super) fn told(event: &Event) {
    let outcome = match event {
        Event::Settled { change: Change::Made, .. } => "changed",
        Event::Settled { change: Change::None, .. } => "held",
        Event::Waiting { reason, until, .. } => {
            tracing::debug!(reason, %until, "the step waits");
            "waiting"
        }
        Event::Retrying { error, until, .. } => {
            tracing::info!(error, %until, "the attempt failed");
            "retrying"
        }
        Event::Failed { error, kind, .. } => {
            tracing::info!(error, "the step failed");
            Span::current().record("otel.status_code", "ERROR");
            match kind {
                FailureKind::Error => "failed",
                FailureKind::Conflict => "conflict",
                FailureKind::Unsettled => "unsettled",
                FailureKind::Refused => "refused",
            }
        }
        Event::Looked { health: Health::Good, .. } => "good",
        Event::Looked { health: Health::Poor(reason), .. } => {
            tracing::debug!(reason, "the gate stays closed");
            "poor"
        }
        _ => return,
    };
    Span::current().record("outcome", outcome);
}

/// Tells within a check's span what was seen.
pub(super) fn seen(check: &Check) {
    Span::current().record(
        "outcome",
        match check {
            Check::Holds(_) => "holds",
            Check::Differs(_) => "differs",
            Check::Unknown(_) => "unknown",
        },
    );
}
