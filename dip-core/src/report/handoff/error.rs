//! Why there is no list for an installer.

use super::HandOffFormat;
use crate::id::{ClusterName, NodeName};

/// There is no list for an installer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandOffError {
    /// Nothing in the site is meant for the installer.
    #[error(
        "no cluster of this site is handed over to {format}; give one `workload: {{kind: handed_over, installer: {format}}}` with members in {roles}, or name a cluster"
    )]
    NoCluster {
        /// The installer.
        format: HandOffFormat,
        /// The roles that it knows.
        roles: String,
    },
    /// More than one cluster is meant for it.
    #[error("{} are handed over to {format}, and a list is for one; name the cluster", names(.clusters))]
    SeveralClusters {
        /// The installer.
        format: HandOffFormat,
        /// The clusters.
        clusters: Vec<ClusterName>,
    },
    /// The site has no cluster of that name.
    #[error("the site has no cluster `{name}`{}", near.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    NoSuchCluster {
        /// The name.
        name: String,
        /// The nearest one that it has.
        near: Option<ClusterName>,
    },
    /// The installer cannot begin without a node of this role.
    #[error("{format} needs a node in the role `{role}` of cluster `{cluster}`, and none that is exported has it{}", roles(.known))]
    NobodyInRole {
        /// The installer.
        format: HandOffFormat,
        /// The cluster.
        cluster: ClusterName,
        /// The role.
        role: &'static str,
        /// The roles that the cluster has.
        known: Vec<String>,
    },
    /// A node has no address of its own.
    #[error("{format} takes nodes by their addresses, and node `{node}` has none; give its primary interface one")]
    NoAddress {
        /// The installer.
        format: HandOffFormat,
        /// The node.
        node: NodeName,
    },
    /// Two things of the site would become one group.
    #[error(
        "{first} and {second} would both be the group `{group}` of Ansible, whose names have letters, digits and `_` only; rename one of them"
    )]
    SameGroup {
        /// The group.
        group: String,
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
}

fn names(clusters: &[ClusterName]) -> String {
    let names: Vec<String> = clusters.iter().map(|name| format!("`{name}`")).collect();
    format!("the clusters {}", names.join(" and "))
}

fn roles(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; the cluster has the roles {}", known.join(", ")) }
}
