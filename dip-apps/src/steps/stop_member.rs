//! `apps.stop_member`: a member of a workload no longer runs on its node, and does not start again.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::cluster::JOINED;
use dip_core::id::{ClusterName, LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::{Environment, Hazard, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{ServiceState, Workload};

/// Takes down the member of `cluster` on `node`, once the cluster no longer counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopMember {
    /// The cluster.
    pub cluster: ClusterName,
    /// The member's node.
    pub node: NodeName,
}

impl StopMember {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::member(&self.cluster, &self.node);
        Step::new(LayerId::Apps, subject.clone(), &self)
            .need(Need::IfGiven(JOINED.of(&subject).gone()))
            .in_environment(&self.node, Environment::Installed)
            .hazard(Hazard::Disrupts)
    }
}

#[async_trait]
impl Operation for StopMember {
    const NAME: &'static str = "apps.stop_member";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let state = cx.provider::<dyn Workload>(&Subject::cluster(&self.cluster))?.member(&self.node).await?;
        let now = match state.service {
            ServiceState::Stopped => return Ok(Check::Holds(Facts::new())),
            ServiceState::Starting => "starting",
            ServiceState::Running => "running",
        };
        Ok(Check::Differs(Diff::of("service", Some(now), Some("stopped"))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Workload>(&Subject::cluster(&self.cluster))?.take_down(&self.node).await?;
        Ok(Applied::Done)
    }
}
