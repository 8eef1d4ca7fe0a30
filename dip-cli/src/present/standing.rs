//! Where a step of a run stands, in words, with the age of what it waits for and when that should end.

use dip::core::engine::{RunView, Status, Waiting};
use dip::core::history::History;
use dip::core::id::StepId;
use jiff::Timestamp;

use crate::target::is_simulated;

/// Where a step stands: `waits for the system to answer since 2026-01-05T08:00:05Z, 42 s ago; usually 1 min 55 s, rarely over
/// 2 min 10 s: until about 08:02:00`.
pub(crate) fn standing(view: &RunView, step: StepId, history: &History) -> String {
    let status = view.schedule.status(step);
    let since = match &status {
        Status::Running { since, .. } | Status::Waiting(Waiting::Settling { since, .. }) => *since,
        Status::Waiting(Waiting::Backoff { .. }) => view.begun(step),
        _ => None,
    };
    let Some(since) = since.filter(|_| view.outcome.is_none()) else { return status.to_string() };
    let now = now(view);
    let age = match &status {
        Status::Waiting(Waiting::Backoff { .. }) => String::new(),
        _ => format!(", {} s ago", now.duration_since(since).as_secs().max(0)),
    };
    format!("{status}{age}{}", end(view, step, history, now))
}

/// When it should end by what past runs tell; nothing where none knows its operation.
fn end(view: &RunView, step: StepId, history: &History, now: Timestamp) -> String {
    let planned = view.plan().step(step);
    let end = view.begun(step).and_then(|begun| history.expected_end(planned, begun));
    let Some((end, expected)) = end.zip(history.known(planned)) else { return String::new() };
    let time = end.strftime("%H:%M:%S");
    if end < now {
        format!("; {expected}: it should have ended at {time}")
    } else {
        format!("; {expected}: until about {time}")
    }
}

/// The time for ages: a simulation has a time of its own, which stood still at its last record.
fn now(view: &RunView) -> Timestamp {
    if is_simulated(&view.run) { view.last } else { Timestamp::now() }
}
