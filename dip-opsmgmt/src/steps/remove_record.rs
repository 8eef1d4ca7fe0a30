//! `opsmgmt.remove_record`: the site's CMDB has none of dip's fields of a node any more.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Cmdb;

/// Takes the site's fields of a node's record away. Fields that carry another mark, or none, are not the site's and stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRecord {
    /// The CMDB.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// The site that the fields belong to.
    pub site: SiteName,
}

impl RemoveRecord {
    pub(crate) fn step(self) -> Step {
        Step::new(LayerId::OpsMgmt, Subject::node(&self.node), &self)
    }
}

#[async_trait]
impl Operation for RemoveRecord {
    const NAME: &'static str = "opsmgmt.remove_record";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let held = cx.provider::<dyn Cmdb>(&Subject::service(&self.service))?.read(&self.node).await?;
        Ok(match held.filter(|held| held.owner.as_ref() == Some(&self.site)) {
            None => Check::Holds(Facts::new()),
            Some(held) => Check::Differs(Diff::of("CMDB record", Some(held.id), None::<&str>)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Cmdb>(&Subject::service(&self.service))?.remove(&self.node, &self.site).await?;
        Ok(Applied::Done)
    }
}
