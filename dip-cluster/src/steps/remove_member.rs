//! `cluster.remove_member`: a cluster no longer counts a node among its members, so that it may go.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::cluster::{JOINED, QUORUM};
use dip_core::id::{ClusterName, LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::step::{Hazard, Lock, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Membership;

/// A cluster may refuse for a while, because a member that was just started is not in step yet.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(120), attempt: Duration::from_secs(60) };

/// Lets the other members of `cluster` take out the one on `node`; whether that one still answers does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// The cluster.
    pub cluster: ClusterName,
    /// The member's node.
    pub node: NodeName,
}

impl RemoveMember {
    pub(crate) fn step(self) -> Step {
        let (cluster, subject) = (Subject::cluster(&self.cluster), Subject::member(&self.cluster, &self.node));
        Step::new(LayerId::Cluster, subject.clone(), &self)
            .need(Need::IfGiven(QUORUM.of(&cluster)))
            .give(JOINED.of(&subject).gone())
            // A cluster takes one change of its membership at a time.
            .lock(Lock::new(cluster.to_string()))
            .hazard(Hazard::Disrupts)
            .patience(PATIENCE)
    }
}

#[async_trait]
impl Operation for RemoveMember {
    const NAME: &'static str = "cluster.remove_member";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let roster = cx.provider::<dyn Membership>(&Subject::cluster(&self.cluster))?.roster().await?;
        Ok(if roster.iter().any(|member| member == self.node.as_str()) {
            Check::Differs(Diff::of(format!("members of {}", self.cluster), Some(&self.node), None::<&str>))
        } else {
            Check::Holds(Facts::new())
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Membership>(&Subject::cluster(&self.cluster))?.remove(self.node.as_str()).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dip_core::testing::Bench;

    use super::*;
    use crate::provider::MockMembership;

    fn wanted() -> RemoveMember {
        RemoveMember { cluster: ClusterName::new("store").expect("a name"), node: NodeName::new("n3").expect("a name") }
    }

    fn bench(roster: &'static [&'static str]) -> Bench {
        let mut membership = MockMembership::new();
        membership.expect_roster().returning(move || Ok(roster.iter().map(ToString::to_string).collect()));
        membership.expect_remove().withf(|member| member == "n3").returning(|_| Ok(()));
        Bench::with::<dyn Membership>(&Subject::cluster(&wanted().cluster), Arc::new(membership), wanted().step())
    }

    #[tokio::test]
    async fn a_member_that_is_counted_is_taken_out_and_one_that_is_not_holds() {
        let counted = bench(&["n1", "n2", "n3"]);
        let Ok(Check::Differs(diff)) = wanted().check(&counted.context()).await else { panic!("it does not differ") };
        assert_eq!(diff.to_string(), "- members of store n3");
        assert_eq!(wanted().apply(&counted.context()).await.expect("the cluster obeys"), Applied::Done);
        let gone = bench(&["n1", "n2"]);
        assert!(matches!(wanted().check(&gone.context()).await, Ok(Check::Holds(_))));
    }
}
