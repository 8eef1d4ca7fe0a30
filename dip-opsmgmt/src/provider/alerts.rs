//! What alerts of a site fire now.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ProviderError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An alert that fires and that nobody has silenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// The node that it is of, where it says so.
    pub node: Option<String>,
    /// Since when it fires.
    pub since: Timestamp,
    /// What it says, in the words of its rule.
    pub summary: Option<String>,
}

/// The alerts that are asked for: those of these nodes, and those that carry all these labels where any are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsOf {
    /// The site that the nodes belong to.
    pub site: SiteName,
    /// The nodes.
    pub nodes: Vec<NodeName>,
    /// The labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The alerts of one service.
///
/// # Contract
/// * What is silenced or inhibited is not told, nor what only may fire soon.
/// * An alert of a node of another site is none of the site's, where the service can tell sites apart.
/// * The one that fires longest is told first.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// The alerts that fire now.
    async fn firing(&self, of: &AlertsOf) -> Result<Vec<Alert>, ProviderError>;
}
