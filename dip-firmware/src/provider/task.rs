//! Work that a controller does on its own time.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// A task of the controller, by its own id of it. It may be kept and asked for after a restart of this program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskRef(pub String);

/// How far a task is (Redfish `TaskState`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It waits for its turn, or for a reset of the machine.
    Pending,
    /// It is being done; so many percent, where that is told.
    Running(Option<u8>),
    /// It ended well.
    Done,
    /// It failed or was cancelled, with the controller's own words.
    Failed(String),
    /// The controller knows nothing of it, as after its own restart: only a look at what it should have changed tells more.
    Gone,
}

/// When a change comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// It has come about.
    Done,
    /// At the next reset of the machine.
    AtReset,
    /// When the task has ended; it may need a reset of the machine, if it says [`TaskState::Pending`] for long.
    Task(TaskRef),
}

/// The tasks of one controller.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Tasks: Send + Sync {
    /// How far a task is.
    async fn task(&self, task: &TaskRef) -> Result<TaskState, ProviderError>;
}
