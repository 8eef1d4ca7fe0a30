//! What a cluster must tell, so that dip can say that it works.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// The membership of one cluster, as the cluster itself tells it.
///
/// # Contract
/// * `members` asks each member; one that does not answer is told as not healthy, and is no error.
/// * `roster` tells whom the cluster itself counts as a member, whether they answer or not, in their order; it needs the quorum.
/// * `remove` takes a member out of the cluster: the others vote without it from then on. One that is not counted is `Ok(())`. A
///   cluster refuses what would cost it its quorum.
/// * `read` and `write` go through the cluster, so they need its quorum: without it they are `Unreachable` or `Busy`.
/// * `read` of a key that was never written is `Ok(None)`; a `read` after a `write` sees it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Membership: Send + Sync {
    /// The members and how they are.
    async fn members(&self) -> Result<Vec<Member>, ProviderError>;

    /// The names of all that the cluster counts as members.
    async fn roster(&self) -> Result<Vec<String>, ProviderError>;

    /// Takes a member out of the cluster.
    async fn remove(&self, member: &str) -> Result<(), ProviderError>;

    /// Reads a key.
    async fn read(&self, key: &str) -> Result<Option<Stored>, ProviderError>;

    /// Writes a key.
    async fn write(&self, key: &str, value: &str) -> Result<(), ProviderError>;
}

/// A member of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the cluster: that of its node.
    pub name: String,
    /// How it is.
    pub health: Health,
}

/// How a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers and takes part.
    Healthy,
    /// It answers and does not take part: it sees no leader.
    Alone,
    /// It does not answer.
    Silent,
}

/// A value that a cluster keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The value.
    pub value: String,
    /// The cluster's revision at which it was last changed.
    pub revision: u64,
}
