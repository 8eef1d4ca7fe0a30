//! The addresses of a site that has no IPAM: what its file says, what its DHCP servers hold, and what its other services know.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{AddressHolder, ErrorKind, Holder, Ipam, ProviderError, Providers};
use dip_core::site::{NodeState, Site};
use dip_core::subject::Subject;

use crate::provider::Dhcp;
use crate::settings::DHCP_KINDS;

/// The ranges of a site, with all who take addresses from them: the nodes of its file, its routers, whoever has a reservation in its
/// DHCP servers, and whoever its services with an [`Ipam`] of their own know (DNS, a CMDB).
pub struct SiteRanges {
    site: SiteName,
    given: HashMap<IpAddr, (String, Option<MacAddr>)>,
    dhcp: Vec<(ServiceName, Arc<dyn Dhcp>)>,
    books: Vec<(ServiceName, Arc<dyn Ipam>)>,
}

impl fmt::Debug for SiteRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteRanges").field("site", &self.site).field("given", &self.given.len()).finish_non_exhaustive()
    }
}

impl SiteRanges {
    /// The ranges of a site whose DHCP servers and address books are among the providers; `None` where it has no networks, and so no addresses.
    #[must_use]
    pub fn of(site: &Site, providers: &Providers) -> Option<Self> {
        if site.networks.is_empty() {
            return None;
        }
        let routers = site.networks.values().flat_map(|network| {
            let routers = network.prefixes.iter().filter_map(|prefix| prefix.router);
            routers.map(|router| (router, (format!("the router of network `{}`", network.name), None)))
        });
        // What an absent node had may have gone to another one.
        let there = site.nodes.values().filter(|node| node.state != NodeState::Absent);
        let nics = there.flat_map(|node| node.nics.values().map(move |nic| (node, nic))).flat_map(|(node, nic)| {
            let record = move || format!("interface `{}` of node `{}`", nic.name, node.name);
            nic.addresses.iter().map(move |given| (given.address, (record(), nic.mac)))
        });
        let dhcp = site.services_of(DHCP_KINDS).filter_map(|service| {
            let dhcp = providers.find::<dyn Dhcp>(&Subject::service(&service.name)).ok()?;
            Some((service.name.clone(), dhcp))
        });
        let book = |service: &ServiceName| {
            Some((service.clone(), providers.find::<dyn Ipam>(&Subject::service(service)).ok()?))
        };
        let books = site.services.keys().filter_map(book);
        Some(Self {
            site: site.name.clone(),
            given: routers.chain(nics).collect(),
            dhcp: dhcp.collect(),
            books: books.collect(),
        })
    }
}

#[async_trait]
impl Ipam for SiteRanges {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let wanted: HashSet<IpAddr> = addresses.iter().copied().collect();
        let mut all = Vec::new();
        for (service, dhcp) in &self.dhcp {
            let list = match dhcp.list().await {
                // It refuses itself what somebody else holds, as far as it can tell.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    tracing::warn!(%service, %error, "it cannot be asked who holds addresses");
                    continue;
                }
                list => list?,
            };
            for held in list {
                let mac = held.reservation.mac;
                let name = held.reservation.host_name.map(|name| format!(" ({name})")).unwrap_or_default();
                let record = format!("the reservation of {mac}{name} in `{service}`");
                let found = AddressHolder { record, mac: Some(mac), name: None, holder: Holder::from(held.owner) };
                let of = held.reservation.addresses.into_iter().filter(|address| wanted.contains(address));
                all.extend(of.map(|address| (address, found.clone())));
            }
        }
        for (service, book) in &self.books {
            match book.holders(addresses).await {
                Ok(held) => all.extend(held),
                // The addresses of a node must not wait for a service that only tells of them; who writes there says that it is away.
                Err(error) => tracing::warn!(%service, %error, "it cannot be asked who holds addresses"),
            }
        }
        // What the file says is told where nothing else is: a record of it says more.
        let told: HashSet<IpAddr> = all.iter().map(|(address, _)| *address).collect();
        for address in addresses.iter().filter(|address| !told.contains(address)) {
            let Some((record, mac)) = self.given.get(address).cloned() else { continue };
            let holder = Holder::Site(self.site.clone());
            all.push((*address, AddressHolder { record, mac, name: None, holder }));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Held, MockDhcp, Reservation};
    use crate::testing::{site, site_name};

    fn ranges(held: Option<Held>) -> SiteRanges {
        let mut dhcp = MockDhcp::new();
        dhcp.expect_list().returning(move || Ok(held.clone().into_iter().collect()));
        let mut providers = Providers::new();
        let name = ServiceName::new("dhcp").expect("a name");
        providers.insert::<dyn Dhcp>(&Subject::service(&name), Arc::new(dhcp));
        SiteRanges::of(&site(), &providers).expect("the site has networks")
    }

    fn address() -> IpAddr {
        "10.1.0.11".parse().expect("an address")
    }

    #[tokio::test]
    async fn an_address_of_the_site_file_is_held_by_its_interface() {
        let found = ranges(None).holders(&[address()]).await.expect("it answers");
        assert_eq!(found[0].1.to_string(), "interface `eth0` of node `n1.a`, which carries the mark of site `lab`");
        let free = ranges(None).holders(&["10.1.0.99".parse().expect("an address")]).await.expect("it answers");
        assert_eq!(free, []);
    }

    #[tokio::test]
    async fn somebody_elses_reservation_is_told_before_our_own_wish() {
        let held = |owner| Held {
            reservation: Reservation {
                mac: "52:54:00:00:00:77".parse().expect("a MAC address"),
                addresses: vec![address()],
                host_name: Some("printer".to_owned()),
                duid: None,
            },
            owner,
        };
        let found = ranges(Some(held(None))).holders(&[address()]).await.expect("it answers");
        let told = "the reservation of 52:54:00:00:00:77 (printer) in `dhcp`, which carries nobody's mark";
        assert_eq!(found[0].1.to_string(), told);
        let ours = ranges(Some(held(Some(site_name("lab"))))).holders(&[address()]).await.expect("it answers");
        assert_eq!(ours[0].1.holder, Holder::Site(site_name("lab")));
    }
}
