//! `network.reserve_address`: the site's DHCP server keeps an interface's addresses for it.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::network::RESERVATION;
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{AddressHolder, ErrorKind, Holder, Ipam, Ownership, ProviderError};
use dip_core::site::Origin;
use dip_core::step::{Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Dhcp, Held, Reservation};

/// Keeps an interface's addresses in a DHCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveAddress {
    /// The DHCP service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its interface.
    pub nic: NicName,
    /// What the node is called, by which DNS and a CMDB know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// What is reserved.
    pub reservation: Reservation,
    /// The site that the reservation belongs to.
    pub site: SiteName,
    /// By what right it is written.
    #[serde(default, skip_serializing_if = "Ownership::is_own")]
    pub ownership: Ownership,
}

impl ReserveAddress {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        let key = RESERVATION.of(&subject);
        // A server's reservations are checked against each other before one is written.
        let lock = Lock::new(Subject::service(&self.service).to_string());
        Step::new(LayerId::Network, subject, &self).give(key).lock(lock).origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::nic(&self.node, &self.nic)
    }

    fn facts(&self) -> Facts {
        Facts::new().with(&RESERVATION, &self.subject(), &self.reservation.addresses)
    }

    /// An address that somebody else has is told before anything is tried: the plan must not promise what will be refused, and two
    /// machines with one address are worse than none. One of our own that moves to another interface is no such thing.
    async fn refuse_taken(&self, cx: &Context<'_>, addresses: &[IpAddr]) -> Result<(), OperationError> {
        // A program without an IPAM learns it from its DHCP server, when that refuses.
        let Ok(ipam) = cx.provider::<dyn Ipam>(&Subject::addresses(&self.site)) else { return Ok(()) };
        let holders = ipam.recent_holders(addresses).await?;
        let mut taken = Vec::new();
        for address in addresses {
            let theirs = holders.iter().filter(|(of, held)| of == address && !self.is_own(held));
            let theirs: Vec<_> = theirs.map(|(_, held)| held.to_string()).collect();
            if !theirs.is_empty() {
                taken.push(format!("{address} is held by {}", theirs.join(", and by ")));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let advice =
            format!("{}; remove it there, or give the interface another `address` in the site file", taken.join("; "));
        let action = format!("reserve addresses for {}", self.subject());
        Err(ProviderError::new(ErrorKind::Conflict, "ipam", action).advise(advice).into())
    }

    fn is_own(&self, held: &AddressHolder) -> bool {
        let names: Vec<&str> = self.host_name.as_deref().into_iter().chain([self.node.as_str()]).collect();
        held.is_own(&self.site, Some(self.reservation.mac), &names)
    }

    fn diff(&self, now: &Held) -> Diff {
        if self.reservation.agrees_with(&now.reservation) {
            return Diff::default();
        }
        let mut diff = Diff::default();
        let (has, wants) = (listed(&now.reservation.addresses), listed(&self.reservation.addresses));
        if has != wants {
            diff = diff.and("reserved addresses", Some(has), Some(wants));
        }
        if now.reservation.host_name != self.reservation.host_name {
            diff = diff.and("host name", now.reservation.host_name.as_ref(), self.reservation.host_name.as_ref());
        }
        let (has, wants) = (now.reservation.needed_duid(), self.reservation.needed_duid());
        if has != wants {
            diff = diff.and("DUID", has, wants);
        }
        let (has, wants) = (now.reservation.told_boot(), self.reservation.told_boot());
        if has != wants {
            diff = diff.and("boot files", has, wants);
        }
        diff
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Operation for ReserveAddress {
    const NAME: &'static str = "network.reserve_address";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let dhcp = cx.provider::<dyn Dhcp>(&Subject::service(&self.service))?;
        let Some(held) = dhcp.reservation(self.reservation.mac).await? else {
            self.refuse_taken(cx, &self.reservation.addresses).await?;
            let wanted = format!("{} for {}", listed(&self.reservation.addresses), self.reservation.mac);
            return Ok(Check::Differs(Diff::missing("reservation", wanted)));
        };
        let diff = self.diff(&held);
        let (holder, us) = (Holder::from(held.owner), Holder::Site(self.site.clone()));
        if holder != us && self.ownership.covers(&holder) {
            return Ok(Check::Differs(diff.and("owner", Some(holder), Some(us))));
        }
        if holder == us && !diff.is_empty() {
            let new = |address: &&IpAddr| !held.reservation.addresses.contains(address);
            let new: Vec<_> = self.reservation.addresses.iter().filter(new).copied().collect();
            self.refuse_taken(cx, &new).await?;
        }
        if holder == us || diff.is_empty() {
            // A foreign reservation that already says what is wanted serves as well as ours would.
            return Ok(diff.or_holds(self.facts()));
        }
        let action = format!("reserve addresses for {} ({diff})", self.subject());
        let advice = format!(
            "the reservation of {} carries {holder}; remove it there, write its addresses into the site file, or take it over by a claim (`dip claim`)",
            self.reservation.mac
        );
        Err(ProviderError::new(ErrorKind::Conflict, "dhcp", action).advise(advice).into())
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let dhcp = cx.provider::<dyn Dhcp>(&Subject::service(&self.service))?;
        if let Ownership::Claimed(from) = &self.ownership {
            dhcp.claim(self.reservation.mac, from, &self.site).await?;
        }
        dhcp.reserve(&self.reservation, &self.site).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockDhcp;
    use crate::testing::site_name;
    use dip_core::provider::{MockIpam, Providers};
    use dip_core::testing::Bench;

    fn reservation(address: &str) -> Reservation {
        Reservation {
            mac: "52:54:00:00:00:01".parse().expect("a MAC address"),
            addresses: vec![address.parse().expect("an address")],
            host_name: Some("n1".to_owned()),
            duid: None,
            boot: None,
        }
    }

    fn wanted() -> ReserveAddress {
        ReserveAddress {
            service: ServiceName::new("dhcp").expect("a name"),
            node: NodeName::new("n1").expect("a name"),
            nic: NicName::new("eth0").expect("a name"),
            host_name: Some("n1.lab.example".to_owned()),
            reservation: reservation("10.1.0.11"),
            site: site_name("lab"),
            ownership: Ownership::Own,
        }
    }

    fn bench(held: Option<Held>) -> Bench {
        let mut dhcp = MockDhcp::new();
        dhcp.expect_reservation().returning(move |_| Ok(held.clone()));
        dhcp.expect_reserve()
            .withf(|reservation, owner| *reservation == wanted().reservation && owner.as_str() == "lab")
            .returning(|_, _| Ok(()));
        Bench::with::<dyn Dhcp>(&Subject::service(&wanted().service), Arc::new(dhcp), wanted().step(None))
    }

    #[tokio::test]
    async fn a_missing_reservation_differs_and_is_made() {
        let bench = bench(None);
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the server answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "+ reservation 10.1.0.11 for 52:54:00:00:00:01");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the server obeys"), Applied::Done);
    }

    #[tokio::test]
    async fn an_address_that_somebody_else_has_is_a_conflict_before_anything_is_tried() {
        let found = |mac: &str, holder| {
            let mac = Some(mac.parse().expect("a MAC address"));
            AddressHolder { record: "the reservation of a printer".to_owned(), mac, name: None, holder }
        };
        let check = async |found: AddressHolder| {
            let mut dhcp = MockDhcp::new();
            dhcp.expect_reservation().returning(|_| Ok(None));
            let mut ipam = MockIpam::new();
            ipam.expect_recent_holders().returning(move |of| Ok(vec![(of[0], found.clone())]));
            let mut providers = Providers::new();
            providers.insert::<dyn Dhcp>(&Subject::service(&wanted().service), Arc::new(dhcp));
            providers.insert::<dyn Ipam>(&Subject::addresses(&wanted().site), Arc::new(ipam));
            wanted().check(&Bench::new(providers, wanted().step(None)).context()).await
        };
        let theirs = check(found("52:54:00:00:00:77", Holder::Nobody)).await.expect_err("it is taken");
        assert!(theirs.is_conflict());
        let told = "10.1.0.11 is held by the reservation of a printer, which carries nobody's mark";
        assert!(theirs.to_string().contains(told), "{theirs}");
        // A card that was replaced: the address moves with the site's own mark.
        let ours = check(found("52:54:00:00:00:77", Holder::Site(site_name("lab")))).await;
        assert!(matches!(ours, Ok(Check::Differs(_))));
        // A name that somebody gave this very node by hand.
        let name = Some("n1.lab.example".to_owned());
        let record = "the name n1.lab.example in `dns`".to_owned();
        let named = check(AddressHolder { record, mac: None, name, holder: Holder::Nobody }).await;
        assert!(matches!(named, Ok(Check::Differs(_))));
    }

    #[tokio::test]
    async fn our_own_reservation_of_another_address_differs() {
        let bench = bench(Some(Held { reservation: reservation("10.1.0.99"), owner: Some(site_name("lab")) }));
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the server answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "reserved addresses 10.1.0.99 → 10.1.0.11");
    }

    #[tokio::test]
    async fn a_foreign_reservation_of_another_address_is_a_conflict() {
        let bench = bench(Some(Held { reservation: reservation("10.1.0.99"), owner: None }));
        let error = wanted().check(&bench.context()).await.expect_err("it is not ours");
        assert!(error.is_conflict());
        assert!(error.to_string().contains("10.1.0.99 → 10.1.0.11"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_reservation_that_says_the_same_serves() {
        let bench = bench(Some(Held { reservation: reservation("10.1.0.11"), owner: None }));
        assert_eq!(wanted().check(&bench.context()).await.expect("it serves"), Check::Holds(wanted().facts()));
    }
}
