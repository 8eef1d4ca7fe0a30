//! `network.take_address`: an interface's addresses are reserved for it where the site's addresses are kept.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::network::TAKEN;
use dip_core::hardware::MacAddr;
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{AddressPool, ErrorKind, ProviderError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

/// Takes addresses of an interface from the services that keep them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeAddress {
    /// The node.
    pub node: NodeName,
    /// Its interface.
    pub nic: NicName,
    /// The interface's MAC address.
    pub mac: Option<MacAddr>,
    /// What the node is called, by which the service may know it.
    pub host_name: String,
    /// The addresses, each with the service that keeps it and the length of its prefix.
    pub addresses: Vec<(ServiceName, IpNetwork)>,
    /// The site that the addresses belong to.
    pub site: SiteName,
}

impl TakeAddress {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        let key = TAKEN.of(&subject);
        Step::new(LayerId::Network, subject, &self).give(key).origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::nic(&self.node, &self.nic)
    }

    /// The addresses that are still to be taken.
    async fn missing(&self, cx: &Context<'_>) -> Result<Vec<&(ServiceName, IpNetwork)>, OperationError> {
        let mut missing = Vec::new();
        for wanted in &self.addresses {
            let (service, address) = wanted;
            let pool = cx.provider::<dyn AddressPool>(&Subject::service(service))?;
            let Some(holder) = pool.holder(address.ip()).await? else {
                missing.push(wanted);
                continue;
            };
            if !holder.is_own(&self.site, self.mac, &[&self.host_name, self.node.as_str()]) {
                let action = format!("take addresses for {}", self.subject());
                let advice = format!(
                    "{} is held by {holder}; take its entry out of `dip.lock`, and the next free one is chosen",
                    address.ip()
                );
                return Err(ProviderError::new(ErrorKind::Conflict, "ipam", action).advise(advice).into());
            }
        }
        Ok(missing)
    }
}

#[async_trait]
impl Operation for TakeAddress {
    const NAME: &'static str = "network.take_address";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let missing = self.missing(cx).await?;
        let diff = missing.into_iter().fold(Diff::default(), |diff, (service, address)| {
            diff.and(format!("address in `{service}`"), None::<&str>, Some(address.ip()))
        });
        let all: Vec<IpAddr> = self.addresses.iter().map(|(_, address)| address.ip()).collect();
        Ok(diff.or_holds(Facts::new().with(&TAKEN, &self.subject(), &all)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        for (service, address) in self.missing(cx).await? {
            let pool = cx.provider::<dyn AddressPool>(&Subject::service(service))?;
            pool.take(*address, &format!("{}/{}", self.node, self.nic), &self.site).await?;
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::site_name;
    use dip_core::provider::{AddressHolder, Holder, MockAddressPool};
    use dip_core::testing::Bench;

    fn wanted() -> TakeAddress {
        TakeAddress {
            node: NodeName::new("n1").expect("a name"),
            nic: NicName::new("eth0").expect("a name"),
            mac: None,
            host_name: "n1.lab.example".to_owned(),
            addresses: vec![(service(), "10.1.0.11/24".parse().expect("an address"))],
            site: site_name("lab"),
        }
    }

    fn service() -> ServiceName {
        ServiceName::new("cmdb").expect("a name")
    }

    fn bench(held: Option<Holder>) -> Bench {
        let mut pool = MockAddressPool::new();
        let record = "the address 10.1.0.11 in nautobot".to_owned();
        let held = held.map(|holder| AddressHolder { record, mac: None, name: None, holder });
        pool.expect_holder().returning(move |_| Ok(held.clone()));
        pool.expect_take().withf(|_, of, owner| of == "n1/eth0" && owner.as_str() == "lab").returning(|_, _, _| Ok(()));
        Bench::with::<dyn AddressPool>(&Subject::service(&service()), Arc::new(pool), wanted().step(None))
    }

    #[tokio::test]
    async fn a_free_address_is_taken_and_one_of_ours_holds() {
        let free = bench(None);
        let Check::Differs(diff) = wanted().check(&free.context()).await.expect("it answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "+ address in `cmdb` 10.1.0.11");
        assert_eq!(wanted().apply(&free.context()).await.expect("it obeys"), Applied::Done);
        let ours = bench(Some(Holder::Site(site_name("lab"))));
        assert!(matches!(wanted().check(&ours.context()).await, Ok(Check::Holds(_))));
    }

    #[tokio::test]
    async fn an_address_that_somebody_else_took_meanwhile_is_a_conflict() {
        let bench = bench(Some(Holder::Nobody));
        let error = wanted().check(&bench.context()).await.expect_err("it is taken");
        assert!(error.is_conflict() && error.to_string().contains("10.1.0.11 is held by the address"), "{error}");
    }
}
