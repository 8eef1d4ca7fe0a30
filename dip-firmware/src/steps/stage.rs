//! What comes about at a boot is two steps: one that asks for it, and one that sees it in force after the boot.

use std::time::Duration;

use dip_core::fact::FactKey;
use dip_core::id::NodeName;
use dip_core::operation::{Applied, Patience};
use dip_core::step::{Environment, Step};
use serde::{Deserialize, Serialize};

use crate::provider::TaskRef;

/// Jobs that a controller has queued are carried out in the power-on self-test; a large server with a storage controller takes
/// a quarter of an hour for both.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(30 * 60), attempt: Duration::from_secs(60) };
/// A controller that restarts, as some do after a change, is away for minutes, and the next change may let it restart again.
pub(super) const ACCEPTING: Patience =
    Patience { deadline: Duration::from_secs(10 * 60), attempt: Duration::from_secs(30) };
/// Controllers take in what the firmware tells them within seconds of its end.
const POLL: Duration = Duration::from_secs(10);

/// How far something has come when its step settles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was asked for and is in force: nothing has to be booted for it.
    #[default]
    Whole,
    /// It was asked for, and comes about at the next boot.
    Accepted,
    /// It is in force: the boot has been. This step asks for nothing.
    InForce,
}

impl Stage {
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// What a diff adds to the value that is wanted.
    pub(super) const fn when(self) -> &'static str {
        match self {
            Self::Accepted => ", at the next boot",
            Self::InForce => ", in force",
            Self::Whole => "",
        }
    }
}

/// Makes a step the one that looks once the node has booted into an environment since these facts.
pub(super) fn after_boot(
    step: Step,
    node: &NodeName,
    environment: Environment,
    since: impl IntoIterator<Item = FactKey>,
) -> Step {
    let step = step.called("in force").patience(PATIENCE);
    since.into_iter().fold(step, |step, since| step.after_boot(node, environment, since))
}

/// What a step does that only looks.
pub(super) fn watch() -> Applied {
    Applied::watch("the firmware to take it over", POLL)
}

/// How often a task of a controller is looked at: it works for minutes.
const TASK_POLL: Duration = Duration::from_secs(15);

/// Waits for a task of the controller without holding a worker.
pub(super) fn task(task: &TaskRef) -> Applied {
    Applied::wait(format!("task {} of the BMC", task.0), TASK_POLL)
}
