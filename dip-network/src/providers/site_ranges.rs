//! The addresses of a site that has no IPAM: what its file says, what its DHCP servers hold, and what its other services know.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{AddressHolder, ErrorKind, Holder, Ipam, ProviderError, Providers};
use dip_core::site::{NodeState, Site};
use dip_core::subject::Subject;

use super::gather::Gather;
use crate::provider::Dhcp;
use crate::settings::DHCP_KINDS;

/// The ranges of a site, with all who take addresses from them: the nodes of its file, its routers, whoever has a reservation in its
/// DHCP servers, and whoever its services with an [`Ipam`] of their own know (DNS, a CMDB).
///
/// Many interfaces ask at once when a site is looked at, and a server can often only list all it has: what is asked while one look is
/// under way goes together into the next one.
pub struct SiteRanges {
    known: Arc<Known>,
    gather: Gather<Vec<IpAddr>, Told>,
}

/// Whoever knows of addresses.
struct Known {
    site: SiteName,
    given: HashMap<IpAddr, (String, Option<MacAddr>)>,
    dhcp: Vec<(ServiceName, Arc<dyn Dhcp>)>,
    books: Vec<(ServiceName, Arc<dyn Ipam>)>,
    /// The services that did not answer when they were last asked: each is told once.
    away: Mutex<BTreeSet<ServiceName>>,
}

/// The holders of addresses; where there are none to tell, why, which several hear.
type Told = Result<Vec<(IpAddr, AddressHolder)>, Arc<ProviderError>>;

impl fmt::Debug for SiteRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { site, given, .. } = &*self.known;
        f.debug_struct("SiteRanges").field("site", site).field("given", &given.len()).finish_non_exhaustive()
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
        let known = Known {
            site: site.name.clone(),
            given: routers.chain(nics).collect(),
            dhcp: dhcp.collect(),
            books: books.collect(),
            away: Mutex::default(),
        };
        Some(Self { known: Arc::new(known), gather: Gather::new() })
    }
}

#[async_trait]
impl Ipam for SiteRanges {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let known = Arc::clone(&self.known);
        let told = self.gather.ask(addresses.to_vec(), |asks| async move { known.told(asks).await }).await;
        let failed = |kind| ProviderError::new(kind, "ipam", "ask who has addresses");
        match told {
            Ok(Ok(holders)) => Ok(holders),
            Ok(Err(error)) => Err(failed(error.kind()).retry_as(error.retry()).because(error)),
            Err(given_up) => Err(failed(ErrorKind::Unexpected).because(given_up)),
        }
    }
}

impl Known {
    /// An answer for each ask, by one look at every service.
    async fn told(&self, asks: Vec<Vec<IpAddr>>) -> Vec<Told> {
        let all: BTreeSet<IpAddr> = asks.iter().flatten().copied().collect();
        let found = match self.holders(&Vec::from_iter(all)).await {
            Ok(found) => found,
            Err(error) => {
                let error = Arc::new(error);
                return asks.iter().map(|_| Err(Arc::clone(&error))).collect();
            }
        };
        let mut by_address: HashMap<IpAddr, Vec<AddressHolder>> = HashMap::new();
        for (address, holder) in found {
            by_address.entry(address).or_default().push(holder);
        }
        let of = |ask: Vec<IpAddr>| {
            let mut seen = HashSet::new();
            let once = ask.into_iter().filter(|address| seen.insert(*address)).collect::<Vec<_>>();
            let held = once.into_iter().filter_map(|address| Some((address, by_address.get(&address)?)));
            Ok(held.flat_map(|(address, all)| all.iter().map(move |holder| (address, holder.clone()))).collect())
        };
        asks.into_iter().map(of).collect()
    }

    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let wanted: HashSet<IpAddr> = addresses.iter().copied().collect();
        let mut all = Vec::new();
        for (service, dhcp) in &self.dhcp {
            for held in dhcp.list().await? {
                let mac = held.reservation.mac;
                let name = held.reservation.host_name.map(|name| format!(" ({name})")).unwrap_or_default();
                let record = format!("the reservation of {mac}{name} in `{service}`");
                let found = AddressHolder { record, mac: Some(mac), name: None, holder: Holder::from(held.owner) };
                let of = held.reservation.addresses.into_iter().filter(|address| wanted.contains(address));
                all.extend(of.map(|address| (address, found.clone())));
            }
        }
        for (service, book) in &self.books {
            let mut away = None;
            match book.holders(addresses).await {
                Ok(held) => all.extend(held),
                // The addresses of a node must not wait for a service that only tells of them; who writes there says that it is away.
                Err(error) => away = Some(error),
            }
            self.note(service, away);
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

    /// Tells that a service is away, when it was not before.
    fn note(&self, service: &ServiceName, away: Option<ProviderError>) {
        let mut known = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match away {
            None => drop(known.remove(service)),
            Some(error) if known.insert(service.clone()) => {
                tracing::warn!(%service, %error, "it cannot be asked who holds addresses");
            }
            Some(_) => {}
        }
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
            },
            owner,
        };
        let found = ranges(Some(held(None))).holders(&[address()]).await.expect("it answers");
        let told = "the reservation of 52:54:00:00:00:77 (printer) in `dhcp`, which carries nobody's mark";
        assert_eq!(found[0].1.to_string(), told);
        let ours = ranges(Some(held(Some(site_name("lab"))))).holders(&[address()]).await.expect("it answers");
        assert_eq!(ours[0].1.holder, Holder::Site(site_name("lab")));
    }

    #[tokio::test]
    async fn ten_thousand_interfaces_that_ask_at_once_are_two_looks_and_a_service_that_is_away_is_told_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static LISTED: AtomicUsize = AtomicUsize::new(0);
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let mut dhcp = MockDhcp::new();
        dhcp.expect_list().returning(|| {
            LISTED.fetch_add(1, Ordering::Relaxed);
            Ok(Vec::new())
        });
        let mut book = dip_core::provider::MockIpam::new();
        book.expect_holders().returning(|_| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Err(ProviderError::new(ErrorKind::Unreachable, "nautobot", "ask who has addresses"))
        });
        let mut providers = Providers::new();
        let subject = Subject::service(&ServiceName::new("dhcp").expect("a name"));
        providers.insert::<dyn Dhcp>(&subject, Arc::new(dhcp));
        providers.insert::<dyn Ipam>(&subject, Arc::new(book));
        let ranges = Arc::new(SiteRanges::of(&site(), &providers).expect("the site has networks"));
        let asks: Vec<_> = (0..10_000_u32)
            .map(|number| {
                let ranges = Arc::clone(&ranges);
                tokio::spawn(async move { ranges.holders(&[IpAddr::V4((0x0a02_0000 + number).into())]).await })
            })
            .collect();
        for ask in asks {
            assert_eq!(ask.await.expect("it does not panic").expect("it answers"), []);
        }
        assert_eq!((LISTED.load(Ordering::Relaxed), ASKED.load(Ordering::Relaxed)), (2, 2));
        let away = ranges.known.away.lock().expect("nobody panics").clone();
        assert_eq!(away.iter().map(ServiceName::as_str).collect::<Vec<_>>(), ["dhcp"]);
    }
}
