//! The addresses of a site that has no IPAM: what its file says, what its DHCP servers hold, and what its other services know.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{AddressHolder, Carry, ErrorKind, Gather, Holder, Ipam, ProviderError, Providers};
use dip_core::site::{NodeState, Site};
use dip_core::subject::Subject;
use tokio::time::Instant;

use crate::provider::{Dhcp, Held};
use crate::settings::DHCP_KINDS;

/// The ranges of a site, with all who take addresses from them: the nodes of its file, its routers, whoever has a reservation in its
/// DHCP servers, and whoever its services with an [`Ipam`] of their own know (DNS, a CMDB).
pub struct SiteRanges {
    site: SiteName,
    given: HashMap<IpAddr, (String, Option<MacAddr>)>,
    dhcp: Vec<(ServiceName, Arc<dyn Dhcp>)>,
    books: Vec<(ServiceName, Arc<dyn Ipam>)>,
    /// Servers can often only list all that they have: the steps of all nodes share that.
    asked: Gather<Vec<IpAddr>, Result<Holders, ProviderError>>,
    seen: Mutex<Option<Seen>>,
    /// The services that did not answer when they were last asked: each is told once.
    away: Mutex<BTreeSet<ServiceName>>,
}

/// How long a look serves those whom a recent one does ([`Ipam::recent_holders`]): whoever lists all for each of a thousand nodes does
/// little else.
const RECENT: Duration = Duration::from_secs(60);

/// What was seen when all addresses of the site were looked at.
#[derive(Debug)]
struct Seen {
    at: Instant,
    of: HashMap<IpAddr, Vec<AddressHolder>>,
}

/// Who holds addresses.
type Holders = Vec<(IpAddr, AddressHolder)>;

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
            asked: Gather::new(),
            seen: Mutex::default(),
            away: Mutex::default(),
        })
    }

    /// What a recent look says, where it was for all these addresses and nobody but the site had any of them.
    fn remembered(&self, addresses: &[IpAddr]) -> Option<Holders> {
        let seen = self.seen();
        let Seen { of, .. } = seen.as_ref().filter(|seen| seen.at.elapsed() < RECENT)?;
        let is_ours = |holder: &AddressHolder| holder.holder.site() == Some(&self.site);
        let is_free = |address| of.get(address).is_some_and(|holders| holders.iter().all(is_ours));
        addresses.iter().all(is_free).then(|| holders_in(of, addresses))
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, addresses: &HashSet<IpAddr>) -> Result<Holders, ProviderError> {
        let mut all = Vec::new();
        for (service, dhcp) in &self.dhcp {
            let list = match dhcp.list().await {
                // It refuses itself what somebody else holds, as far as it can tell.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.note(service, Some(&error));
                    continue;
                }
                list => list?,
            };
            self.note(service, None);
            for Held { reservation, owner } in list {
                let of: Vec<_> = reservation.addresses.iter().filter(|address| addresses.contains(address)).collect();
                if of.is_empty() {
                    continue;
                }
                let mac = reservation.mac;
                let name = reservation.host_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                let record = format!("the reservation of {mac}{name} in `{service}`");
                let found = AddressHolder { record, mac: Some(mac), name: None, holder: Holder::from(owner) };
                all.extend(of.into_iter().map(|address| (*address, found.clone())));
            }
        }
        let listed: Vec<IpAddr> = addresses.iter().copied().collect();
        for (service, book) in &self.books {
            let held = book.holders(&listed).await;
            // The addresses of a node must not wait for a service that only tells of them; who writes there says that it is away.
            self.note(service, held.as_ref().err());
            all.extend(held.unwrap_or_default());
        }
        // What the file says is told where nothing else is: a record of it says more.
        let told: HashSet<IpAddr> = all.iter().map(|(address, _)| *address).collect();
        for address in addresses.difference(&told) {
            let Some((record, mac)) = self.given.get(address).cloned() else { continue };
            let holder = Holder::Site(self.site.clone());
            all.push((*address, AddressHolder { record, mac, name: None, holder }));
        }
        Ok(all)
    }

    /// Tells that a service is away, when it was not before.
    fn note(&self, service: &ServiceName, away: Option<&ProviderError>) {
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

#[async_trait]
impl Ipam for SiteRanges {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Holders, ProviderError> {
        self.asked.join(NOW, addresses.to_vec(), self).await
    }

    async fn recent_holders(&self, addresses: &[IpAddr]) -> Result<Holders, ProviderError> {
        match self.remembered(addresses) {
            Some(holders) => Ok(holders),
            None => self.asked.join(OF_LATE, addresses.to_vec(), self).await,
        }
    }
}

/// The two lines of those who ask: whom only a look serves that begins now, and whom a recent one does.
const NOW: &str = "now";
const OF_LATE: &str = "of late";

#[async_trait]
impl Carry<Vec<IpAddr>, Result<Holders, ProviderError>> for SiteRanges {
    async fn carry(&self, line: &str, questions: &[Arc<Vec<IpAddr>>]) -> Vec<Result<Holders, ProviderError>> {
        let recent = |question: &Arc<Vec<IpAddr>>| self.remembered(question).map(Ok);
        // Whoever had the turn before may have looked for these as well.
        if let (OF_LATE, Some(answers)) = (line, questions.iter().map(recent).collect()) {
            return answers;
        }
        let mut addresses: HashSet<IpAddr> = questions.iter().flat_map(|question| question.iter().copied()).collect();
        if line == OF_LATE {
            addresses.extend(self.given.keys());
        }
        let at = Instant::now();
        let held = match self.look(&addresses).await {
            Ok(held) => held,
            Err(error) => return questions.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut of: HashMap<IpAddr, Vec<AddressHolder>> =
            addresses.iter().map(|address| (*address, Vec::new())).collect();
        held.into_iter().for_each(|(address, holder)| of.entry(address).or_default().push(holder));
        let answers = questions.iter().map(|question| Ok(holders_in(&of, question))).collect();
        if line == OF_LATE {
            *self.seen() = Some(Seen { at, of });
        }
        answers
    }
}

fn holders_in(of: &HashMap<IpAddr, Vec<AddressHolder>>, addresses: &[IpAddr]) -> Holders {
    let held = |address| of.get(address).into_iter().flatten().map(|holder| (*address, holder.clone()));
    addresses.iter().flat_map(held).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::provider::{MockDhcp, Reservation};
    use crate::testing::{site, site_name};
    use dip_core::provider::ErrorKind;

    fn ranges(held: Option<Held>) -> SiteRanges {
        let mut dhcp = MockDhcp::new();
        dhcp.expect_list().returning(move || Ok(held.clone().into_iter().collect()));
        let mut providers = Providers::new();
        let name = ServiceName::new("dhcp").expect("a name");
        providers.insert::<dyn Dhcp>(&Subject::service(&name), Arc::new(dhcp));
        SiteRanges::of(&site(), &providers).expect("the site has networks")
    }

    /// A book that takes a while to say that it is away, and counts how often it was asked.
    #[derive(Default)]
    struct Away(AtomicUsize);

    #[async_trait]
    impl Ipam for Away {
        async fn holders(&self, _: &[IpAddr]) -> Result<Holders, ProviderError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(ProviderError::new(ErrorKind::Unreachable, "book", "tell who holds addresses"))
        }
    }

    #[tokio::test]
    async fn a_server_lists_what_it_has_once_for_all_who_ask_at_the_same_time() {
        let away = Arc::new(Away::default());
        let ranges =
            SiteRanges { books: vec![(ServiceName::new("dns").expect("a name"), away.clone())], ..ranges(None) };
        let of = |last| [IpAddr::from([10, 1, 0, last])];
        let asked = (0..100).map(|last| {
            let ranges = &ranges;
            async move { ranges.holders(&of(last)).await }
        });
        let told = futures_util::future::join_all(asked).await;
        for (last, held) in (0..).zip(told) {
            let held = held.expect("it answers");
            // The interface `eth0` has 10.1.0.11.
            let wanted: &[IpAddr] = if last == 11 { &[address()] } else { &[] };
            assert_eq!(held.into_iter().map(|(address, _)| address).collect::<Vec<_>>(), wanted);
        }
        assert_eq!(away.0.load(Ordering::Relaxed), 1, "one asks for all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_recent_look_serves_who_wants_no_more_and_nobody_is_refused_by_it() {
        let away = Arc::new(Away::default());
        let books = || vec![(ServiceName::new("dns").expect("a name"), away.clone() as Arc<dyn Ipam>)];
        let ranges_with = |held| SiteRanges { books: books(), ..ranges(held) };
        let looks = || away.0.swap(0, Ordering::Relaxed);
        let free = ranges_with(None);
        for _ in 0..3 {
            let held = free.recent_holders(&[address()]).await.expect("it answers");
            assert_eq!(held.iter().map(|(address, _)| *address).collect::<Vec<_>>(), [address()], "its own interface");
        }
        assert_eq!(looks(), 1);
        free.holders(&[address()]).await.expect("it answers");
        assert_eq!(looks(), 1, "who wants to know what is now is not served from memory");
        tokio::time::advance(RECENT).await;
        free.recent_holders(&[address()]).await.expect("it answers");
        assert_eq!(looks(), 1, "a minute is over");
        let reservation = Reservation {
            mac: "52:54:00:00:00:77".parse().expect("one"),
            addresses: vec![address()],
            duid: None,
            host_name: None,
            boot: None,
        };
        let taken = ranges_with(Some(Held { reservation, owner: None }));
        for _ in 0..3 {
            assert_eq!(taken.recent_holders(&[address()]).await.expect("it answers")[0].1.holder, Holder::Nobody);
        }
        assert_eq!(looks(), 3, "somebody else may have given it up");
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
                boot: None,
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
