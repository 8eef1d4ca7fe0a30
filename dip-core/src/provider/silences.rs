//! Silences: alerts of nodes that a run disrupts are kept quiet while it does.

use async_trait::async_trait;
use jiff::Timestamp;

use super::ProviderError;
use crate::id::{NodeName, SiteName};

/// What is to be kept quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The site that the node belongs to.
    pub site: SiteName,
    /// The run that disrupts it.
    pub run: String,
    /// The node.
    pub node: NodeName,
    /// What is done to it, as a fragment: `firmware.flash node/r1-n3`.
    pub why: String,
    /// When it is over at the latest.
    pub until: Timestamp,
}

/// Keeps alerts quiet. What a site's services can do is registered for
/// [`Subject::alerts`](crate::subject::Subject::alerts) of the site; where nothing is, nothing is silenced.
///
/// # Contract
/// * A node has at most one silence for each site and run, found again by these two, by whatever process. `silence` makes it or
///   prolongs it; twice is once, and it never makes one shorter.
/// * What it made says so: the site, the run and the reason can be read in the service.
/// * A silence ends by itself at `until`, whoever dies.
/// * `end` ends the silences of a run for a node, or for all its nodes; none is `Ok(())`. Silences that others made are never changed,
///   not even those with the same matchers.
/// * A cancelled call leaves a silence as before or as wanted.
#[async_trait]
pub trait Silences: Send + Sync {
    /// Keeps the alerts of a node quiet.
    async fn silence(&self, wanted: &Silence) -> Result<(), ProviderError>;

    /// Ends the silence of one node; of all nodes of the run where none is named.
    async fn end(&self, site: &SiteName, run: &str, node: Option<NodeName>) -> Result<(), ProviderError>;
}
