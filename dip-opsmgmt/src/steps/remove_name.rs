//! `opsmgmt.remove_name`: a node's name is no longer in DNS, in neither direction.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Dns;

/// Takes the site's records of a node's name away. A name that carries another mark, or none, is not the site's and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveName {
    /// The DNS service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its fully qualified name.
    pub name: String,
    /// The site that the records belong to.
    pub site: SiteName,
}

impl RemoveName {
    pub(crate) fn step(self) -> Step {
        Step::new(LayerId::OpsMgmt, Subject::node(&self.node), &self)
    }
}

#[async_trait]
impl Operation for RemoveName {
    const NAME: &'static str = "opsmgmt.remove_name";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let held = cx.provider::<dyn Dns>(&Subject::service(&self.service))?.name(&self.name).await?;
        Ok(match held.filter(|held| held.owner.as_ref() == Some(&self.site)) {
            None => Check::Holds(Facts::new()),
            Some(held) => {
                let addresses: Vec<_> = held.addresses.iter().map(ToString::to_string).collect();
                let what = format!("addresses of {}", self.name);
                Check::Differs(Diff::of(what, Some(addresses.join(" ")), None::<&str>))
            }
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Dns>(&Subject::service(&self.service))?.remove(&self.name, &self.site).await?;
        Ok(Applied::Done)
    }
}
