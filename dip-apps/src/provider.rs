//! What a workload must do, so that dip can bring up its members.

use async_trait::async_trait;
use dip_core::id::NodeName;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// The workload of one cluster. It knows the cluster; a call names the member's node.
///
/// # Contract
/// * `member` reads only.
/// * `bring_up` configures a member and asks for its start; it does not wait for the member to be ready, since a member
///   may be ready only when others are. Twice is the same as once: one that runs as configured is not disturbed.
/// * `take_down` stops a member and keeps it from starting again; its configuration and its data stay on its disk. One that does
///   not run is `Ok(())`. The cluster is told by whoever takes the member out of it.
/// * A node that is no member of the cluster is `NotFound`.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Workload: Send + Sync {
    /// How the member on a node is.
    async fn member(&self, node: &NodeName) -> Result<MemberState, ProviderError>;

    /// Configures the member on a node and asks for its start.
    async fn bring_up(&self, node: &NodeName) -> Result<(), ProviderError>;

    /// Stops the member on a node and keeps it from starting again.
    async fn take_down(&self, node: &NodeName) -> Result<(), ProviderError>;
}

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// Whether its configuration is the one that the cluster wants.
    pub configuration: Configuration,
    /// Whether it runs.
    pub service: ServiceState,
    /// Its version, as it tells it; `None` where it is not installed.
    pub version: Option<String>,
}

/// Whether a configuration is the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Configuration {
    /// There is none.
    Absent,
    /// It is another one.
    Differs,
    /// It is the wanted one.
    AsWanted,
}

/// Whether a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It does not run.
    Stopped,
    /// It was started and is not ready; it may wait for other members.
    Starting,
    /// It is ready.
    Running,
}
