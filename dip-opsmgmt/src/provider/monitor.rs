//! A monitoring service: what it scrapes of a node, and whether that is up.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::Rules;

/// What is wanted: a place that the service scrapes for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The node.
    pub node: NodeName,
    /// Where its metrics are, `host:port`.
    pub address: String,
    /// What is known about it, for those who read the metrics: `rack`.
    pub labels: BTreeMap<String, String>,
}

/// A target that the service has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTarget {
    /// The target.
    pub target: Target,
    /// The site whose mark it carries; `None` where it carries none: somebody else wrote it.
    pub owner: Option<SiteName>,
}

/// Whether a target answers, as the service tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It was scraped.
    Up,
    /// It could not be scraped.
    Down {
        /// The last error, in the words of the service.
        error: String,
    },
    /// The service does not know yet, or does not have the target.
    Unknown,
}

/// The targets of one monitoring service.
///
/// # Contract
/// * A node has one target for each site. `set` replaces it; twice is once, and a `target` right after sees it. `health` may take
///   the service some time to know, and tells of the address that was set last.
/// * An address that anybody else's target has (another site's, or one without a mark), and a target that lost its mark, is
///   [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict) for `set`; the error tells who holds it, and nothing is changed.
/// * `owned` tells all targets that carry the owner's mark, in the order of nodes, also those of nodes that nobody speaks of any more.
/// * `remove` of a target that is not there is `Ok(())`.
/// * A cancelled call leaves the target as before or as wanted.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Monitor: Send + Sync {
    /// A site's target for a node.
    async fn target(&self, node: &NodeName, owner: &SiteName) -> Result<Option<HeldTarget>, ProviderError>;

    /// Sets a node's target, on behalf of a site.
    async fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError>;

    /// Removes a node's target, on behalf of a site.
    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError>;

    /// All targets that carry a site's mark.
    async fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError>;

    /// Whether a site's target for a node answers.
    async fn health(&self, node: &NodeName, owner: &SiteName) -> Result<Health, ProviderError>;

    /// The rules by which it raises alerts; `None` where dip cannot write them.
    fn rules(&self) -> Option<Arc<dyn Rules>> {
        None
    }
}
