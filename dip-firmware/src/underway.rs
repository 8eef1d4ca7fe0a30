//! What this program has asked a controller for and what did not come about at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dip_core::operation::{Context, OperationError};
use dip_core::subject::Subject;

use crate::provider::{Accepted, Bmc, TaskState};

/// The requests to one controller that it has accepted and not carried out, by what they are for.
///
/// It is a help and no truth: it is lost with the program, and a controller loses its tasks in a restart of its own. Whoever
/// does not find a request in it looks at what it should have changed, and asks again where that is as before.
#[derive(Debug, Default)]
pub struct Underway(Mutex<BTreeMap<String, Accepted>>);

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nobody knows of one.
    None,
    /// It comes about with the next reset of the machine.
    AtReset,
    /// The controller works on it; so many percent, where that is told.
    Running(Option<u8>),
}

impl Underway {
    fn note(&self, what: &str, accepted: Accepted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned(), accepted);
    }

    fn forget(&self, what: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    fn accepted(&self, what: &str) -> Option<Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).cloned()
    }
}

/// Keeps what a controller of this subject has accepted.
pub(crate) fn note(cx: &Context<'_>, node: &Subject, what: &str, accepted: &Accepted) {
    if let Ok(underway) = cx.provider::<Underway>(node) {
        match accepted {
            Accepted::Done => underway.forget(what),
            other => underway.note(what, other.clone()),
        }
    }
}

/// Forgets a request: it has come about, or its time is over.
pub(crate) fn forget(cx: &Context<'_>, node: &Subject, what: &str) {
    if let Ok(underway) = cx.provider::<Underway>(node) {
        underway.forget(what);
    }
}

/// The boot that a request waited for has been: should nothing have come of it, it is asked for anew. Who has a task for it asks
/// that, and is told why.
pub(crate) fn has_booted(cx: &Context<'_>, node: &Subject, what: &str) {
    if let Ok(underway) = cx.provider::<Underway>(node)
        && underway.accepted(what) == Some(Accepted::AtReset)
    {
        underway.forget(what);
    }
}

/// How far a request is, as far as this program and the controller know.
///
/// # Errors
/// Where the controller says that it failed, with its own words, or cannot be asked.
pub(crate) async fn progress(cx: &Context<'_>, node: &Subject, what: &str) -> Result<Progress, OperationError> {
    // A program that keeps none loses nothing but the words of a controller about a task that failed.
    let Ok(underway) = cx.provider::<Underway>(node) else { return Ok(Progress::None) };
    let task = match underway.accepted(what) {
        Some(Accepted::Task(task)) => task,
        Some(Accepted::AtReset) => return Ok(Progress::AtReset),
        Some(Accepted::Done) | None => return Ok(Progress::None),
    };
    let Some(tasks) = cx.provider::<dyn Bmc>(node)?.tasks() else { return Ok(Progress::None) };
    Ok(match tasks.task(&task).await? {
        TaskState::Pending => Progress::AtReset,
        TaskState::Running(percent) => Progress::Running(percent),
        TaskState::Done | TaskState::Gone => {
            underway.forget(what);
            Progress::None
        }
        TaskState::Failed(words) => {
            underway.forget(what);
            return Err(OperationError::Impossible(format!(
                "task {} of the BMC of {node}, for {what}, has failed: {words}",
                task.0
            )));
        }
    })
}
