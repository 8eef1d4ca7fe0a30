//! `cluster.await_quorum`: as many members are healthy as the cluster needs to decide anything.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::apps::MEMBER;
use dip_core::fact::cluster::QUORUM;
use dip_core::id::{ClusterName, LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::site::Origin;
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Health, Membership};

/// How long a quorum may take once a majority of members runs: an election takes seconds, a slow disk some more.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(120), attempt: Duration::from_secs(120) };

/// Sees that `cluster`, of `members`, has quorum. It starts nothing: that is the work of layer 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitQuorum {
    /// The cluster.
    pub cluster: ClusterName,
    /// All nodes that are its voting members.
    pub members: Vec<NodeName>,
}

impl AwaitQuorum {
    /// The step. It does not wait for all members: a majority is enough, and a late one joins later.
    pub(crate) fn step(self, ready: &[NodeName], origin: Option<Origin>) -> Step {
        let subject = Subject::cluster(&self.cluster);
        let facts = ready.iter().map(|node| MEMBER.of(&Subject::member(&self.cluster, node))).collect();
        Step::new(LayerId::Cluster, subject.clone(), &self)
            .need(Need::AtLeast { count: self.majority(), facts })
            .give(QUORUM.of(&subject))
            .patience(PATIENCE)
            .origin(origin)
    }

    /// How many members must be healthy: more than half of all.
    pub(crate) fn majority(&self) -> usize {
        self.members.len() / 2 + 1
    }
}

#[async_trait]
impl Operation for AwaitQuorum {
    const NAME: &'static str = "cluster.await_quorum";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let subject = Subject::cluster(&self.cluster);
        let members = cx.provider::<dyn Membership>(&subject)?.members().await?;
        let healthy: Vec<String> = members
            .into_iter()
            .filter(|member| {
                member.health == Health::Healthy && self.members.iter().any(|node| node.as_str() == member.name)
            })
            .map(|member| member.name)
            .collect();
        let mut diff = Diff::default();
        if healthy.len() < self.majority() {
            let wanted = format!("at least {} of {}", self.majority(), self.members.len());
            diff = diff.and("healthy members", Some(healthy.len()), Some(wanted));
        }
        Ok(diff.or_holds(Facts::new().with(&QUORUM, &subject, &healthy)))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::watch("a majority of members to be healthy", Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: usize) -> AwaitQuorum {
        let node = |index| NodeName::new(&format!("n{index}")).expect("a name");
        AwaitQuorum { cluster: ClusterName::new("store").expect("a name"), members: (0..count).map(node).collect() }
    }

    #[test]
    fn a_majority_is_more_than_half() {
        assert_eq!([1, 2, 3, 4, 5].map(|count| of(count).majority()), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_majority_of_members_is_needed_and_not_all() {
        let cluster = of(3);
        let ready = cluster.members.clone();
        let step = cluster.step(&ready, None);
        assert!(matches!(&step.needs[..], [Need::AtLeast { count: 2, facts }] if facts.len() == 3), "{:?}", step.needs);
    }
}
