//! `network.give_address_back`: nothing is reserved for an interface any more where the site's addresses are kept.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::AddressPool;
use dip_core::step::Step;
use dip_core::subject::Subject;
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

/// Gives the site's addresses of an interface back. One that carries another mark, or none, is not the site's and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveAddressBack {
    /// The node.
    pub node: NodeName,
    /// Its interface.
    pub nic: NicName,
    /// The addresses, each with the service that keeps it.
    pub addresses: Vec<(ServiceName, IpNetwork)>,
    /// The site that the addresses belong to.
    pub site: SiteName,
}

impl GiveAddressBack {
    pub(crate) fn step(self) -> Step {
        Step::new(LayerId::Network, Subject::nic(&self.node, &self.nic), &self)
    }
}

#[async_trait]
impl Operation for GiveAddressBack {
    const NAME: &'static str = "network.give_address_back";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let mut diff = Diff::default();
        for (service, address) in &self.addresses {
            let pool = cx.provider::<dyn AddressPool>(&Subject::service(service))?;
            let holder = pool.holder(address.ip()).await?;
            if holder.is_some_and(|held| held.holder.site() == Some(&self.site)) {
                diff = diff.and(format!("address in `{service}`"), Some(address.ip()), None::<&str>);
            }
        }
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        for (service, address) in &self.addresses {
            let pool = cx.provider::<dyn AddressPool>(&Subject::service(service))?;
            if pool.holder(address.ip()).await?.is_some_and(|held| held.holder.site() == Some(&self.site)) {
                pool.give_back(address.ip(), &self.site).await?;
            }
        }
        Ok(Applied::Done)
    }
}
