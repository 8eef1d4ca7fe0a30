//! `network.release_address`: the site's DHCP server keeps no addresses for an interface any more.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::hardware::MacAddr;
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::{Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Dhcp;

/// Gives up the site's reservation for an interface. One that carries another mark, or none, is not the site's and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseAddress {
    /// The DHCP service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its interface.
    pub nic: NicName,
    /// The interface's MAC address.
    pub mac: MacAddr,
    /// The site that the reservation belongs to.
    pub site: SiteName,
}

impl ReleaseAddress {
    pub(crate) fn step(self) -> Step {
        let lock = Lock::new(Subject::service(&self.service).to_string());
        Step::new(LayerId::Network, Subject::nic(&self.node, &self.nic), &self).lock(lock)
    }
}

#[async_trait]
impl Operation for ReleaseAddress {
    const NAME: &'static str = "network.release_address";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let held = cx.provider::<dyn Dhcp>(&Subject::service(&self.service))?.reservation(self.mac).await?;
        Ok(match held.filter(|held| held.owner.as_ref() == Some(&self.site)) {
            None => Check::Holds(Facts::new()),
            Some(held) => {
                let addresses: Vec<_> = held.reservation.addresses.iter().map(ToString::to_string).collect();
                let now = format!("{} for {}", addresses.join(" "), self.mac);
                Check::Differs(Diff::of("reservation", Some(now), None::<&str>))
            }
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Dhcp>(&Subject::service(&self.service))?.release(self.mac, &self.site).await?;
        Ok(Applied::Done)
    }
}
