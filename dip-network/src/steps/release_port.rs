//! `network.release_port`: a switch port is no longer marked as the site's.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::ErrorKind;
use dip_core::site::PortRef;
use dip_core::step::{Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Switch;

/// Gives up a switch port, so that another site may take it. Its VLAN stays: many switches let a port that is in no VLAN carry
/// all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePort {
    /// The port.
    pub port: PortRef,
    /// The site that marked it.
    pub site: SiteName,
}

impl ReleasePort {
    pub(crate) fn step(self) -> Step {
        let lock = Lock::new(Subject::switch(&self.port.switch).to_string());
        Step::new(LayerId::Network, Subject::port(&self.port.switch, &self.port.port), &self).lock(lock)
    }
}

#[async_trait]
impl Operation for ReleasePort {
    const NAME: &'static str = "network.release_port";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        match switch.port(&self.port.port).await {
            Ok(state) if state.owner.as_ref() == Some(&self.site) => {
                Ok(Check::Differs(Diff::of("mark of the site", Some(&self.site), None::<&str>)))
            }
            Ok(_) => Ok(Check::Holds(Facts::new())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Check::Holds(Facts::new())),
            Err(error) => Err(error.into()),
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        switch.disown(&self.port.port, &self.site).await?;
        Ok(Applied::Done)
    }
}
