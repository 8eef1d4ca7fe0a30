//! The votes of a cluster: who may vote, who is away, and how many it needs to decide anything.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::id::NodeName;
use crate::site::{Cluster, NodeState, Site};

/// The votes of a cluster. Every member votes, whatever its role: so it is in layer 7.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Votes {
    /// How many members it has.
    pub members: usize,
    /// How many of them must be there: more than half.
    pub needed: usize,
    /// The members that are away anyway: the site does not want them at ready state.
    pub not_ready: Vec<NodeName>,
    /// The members that are away beyond those.
    pub away: Vec<NodeName>,
}

impl Votes {
    pub(super) fn of(site: &Site, cluster: &Cluster, is_away: impl Fn(&NodeName) -> bool) -> Self {
        let members: BTreeSet<&NodeName> = cluster.members.values().flatten().collect();
        let is_ready = |name: &&&NodeName| site.nodes.get(**name).is_some_and(|node| node.state == NodeState::Ready);
        let (ready, not_ready): (Vec<&NodeName>, Vec<&NodeName>) = {
            let (ready, not_ready): (Vec<_>, Vec<_>) = members.iter().partition(is_ready);
            (ready.into_iter().copied().collect(), not_ready.into_iter().copied().collect())
        };
        Self {
            members: members.len(),
            needed: majority(members.len()),
            not_ready: not_ready.into_iter().cloned().collect(),
            away: ready.into_iter().filter(|name| is_away(name)).cloned().collect(),
        }
    }

    /// How many members are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.members - self.not_ready.len() - self.away.len()
    }

    /// Whether it had a quorum before those that are away went.
    #[must_use]
    pub const fn had_quorum(&self) -> bool {
        self.members - self.not_ready.len() >= self.needed
    }

    /// Whether it has a quorum without them.
    #[must_use]
    pub const fn has_quorum(&self) -> bool {
        self.left() >= self.needed
    }
}

/// More than half.
pub(super) const fn majority(members: usize) -> usize {
    members / 2 + 1
}
