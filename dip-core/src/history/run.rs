//! The samples of one run, from its records. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::Sample;
use crate::id::StepId;
use crate::journal::{Change, Event, Record};
use crate::plan::Plan;

/// What is known of a step that was started.
#[derive(Debug, Clone, Copy)]
struct Open {
    since: Timestamp,
    /// Since when a worker has it; for one that is waited for, from when on one may have it.
    working: Timestamp,
    held: Duration,
}

/// Tells every step that came to its end in a run, with how long it took and whether it was changed.
///
/// A step that one owner of the run began and another one ended tells nothing: nobody worked on it in between.
pub(super) fn samples(plan: &Plan, records: &[Record], mut tell: impl FnMut(StepId, Change, Sample)) {
    let mut open: Vec<Option<Open>> = vec![None; plan.steps().len()];
    for record in records {
        if matches!(record.event, Event::Opened { .. }) {
            open.fill(None);
        }
        // A journal from elsewhere may name steps that its plan does not have.
        let Some(step) = record.event.step() else { continue };
        let Some(state) = open.get_mut(step.index()) else { continue };
        match &record.event {
            Event::Started { .. } => match state {
                None => *state = Some(Open { since: record.at, working: record.at, held: Duration::ZERO }),
                Some(state) => state.working = record.at,
            },
            Event::Waiting { until, .. } | Event::Retrying { until, .. } => {
                if let Some(state) = state {
                    state.held += between(state.working, record.at);
                    state.working = *until;
                }
            }
            Event::Settled { change, .. } => {
                if let Some(Open { since, working, held }) = state.take() {
                    let sample = Sample { took: between(since, record.at), held: held + between(working, record.at) };
                    tell(step, *change, sample);
                }
            }
            Event::Failed { .. } => *state = None,
            _ => {}
        }
    }
}

/// How long it was from one time to another; nothing where a clock was set back.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
