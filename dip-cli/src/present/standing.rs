//! Where a step of a run stands, in words, with the age of what it waits for.

use dip::core::engine::{RunView, Status, Waiting};
use dip::core::id::StepId;
use jiff::Timestamp;

use crate::target::SANDBOX;

/// Where a step stands: `waits for the system to answer since 2026-01-05T08:00:05Z, 42 s ago`.
pub(crate) fn standing(view: &RunView, step: StepId) -> String {
    let status = view.schedule.status(step);
    let since = match &status {
        Status::Running { since, .. } | Status::Waiting(Waiting::Settling { since, .. }) => *since,
        _ => None,
    };
    match since.filter(|_| view.outcome.is_none()) {
        Some(since) => format!("{status}, {} s ago", now(view).duration_since(since).as_secs().max(0)),
        None => status.to_string(),
    }
}

/// The time for ages: a simulation has a time of its own, which stood still at its last record.
fn now(view: &RunView) -> Timestamp {
    if view.run.ends_with(SANDBOX) { view.last } else { Timestamp::now() }
}
