//! `opsmgmt.remove_target`: the site's monitoring scrapes a node no longer, so that nobody is called for one that goes.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Monitor;

/// Takes the site's target for a node away. A target that lost the site's mark is not the site's and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveTarget {
    /// The monitoring service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// The site that the target belongs to.
    pub site: SiteName,
}

impl RemoveTarget {
    pub(crate) fn step(self) -> Step {
        Step::new(LayerId::OpsMgmt, Subject::node(&self.node), &self)
    }
}

#[async_trait]
impl Operation for RemoveTarget {
    const NAME: &'static str = "opsmgmt.remove_target";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let owned = cx.provider::<dyn Monitor>(&Subject::service(&self.service))?.owned(&self.site).await?;
        Ok(match owned.into_iter().find(|target| target.node == self.node) {
            None => Check::Holds(Facts::new()),
            Some(target) => Check::Differs(Diff::of("target", Some(target.address), None::<&str>)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Monitor>(&Subject::service(&self.service))?.remove(&self.node, &self.site).await?;
        Ok(Applied::Done)
    }
}
