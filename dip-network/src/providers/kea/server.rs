//! The provider: asks are gathered, decided on what the server holds, and written as one change.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::{Carry, ErrorKind, Gather, Holder, ProviderError};
use dip_core::secret::Secrets;
use tokio::sync::Mutex;

use super::super::failure::Failure;
use super::client::Servers;
use super::configuration::Configuration;
use super::hook::Hook;
use super::store::{Answer, Ask, Store, Written};
use crate::provider::{Dhcp, Held, Reservation};
use crate::settings::{HostsDatabase, KeaBackend, KeaSettings};

const NAME: &str = "kea";

/// How often a change is made anew because somebody else changed the configuration meanwhile. Whoever edits by hand is slower than that.
const TRIES: usize = 5;

/// The reservations of a Kea: in the configuration of its servers, or in its hosts backend, by the hook or in its database.
///
/// An interface may have one IPv4 address and any number of IPv6 addresses in each subnet. Its DHCPv6 client is known by the MAC address
/// that Kea takes from its DUID, its link-local address or its relay.
#[derive(Clone)]
pub struct Kea {
    servers: Arc<Servers>,
    gather: Arc<Gather<Ask, Result<Answer, Failure>>>,
    one: One,
}

impl fmt::Debug for Kea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kea").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Kea {
    /// A provider for a server; nothing is sent before the first call.
    ///
    /// # Errors
    /// Why the settings cannot be used, as a sentence.
    pub fn new(settings: &KeaSettings, secrets: &dyn Secrets) -> Result<Self, String> {
        let servers = Arc::new(Servers::of(settings, secrets)?);
        let one = One { store: store(&servers, settings, secrets)?, turn: Arc::default() };
        Ok(Self { servers, gather: Arc::new(Gather::new()), one })
    }

    async fn ask(&self, ask: Ask, action: impl Fn() -> String) -> Result<Vec<Held>, ProviderError> {
        match self.gather.join(NAME, ask, &self.one).await {
            Ok(Answer(held)) => Ok(held),
            Err(failure) => Err(failure.told(NAME, action())),
        }
    }
}

/// One change at a time. It goes on to its end where whoever asked for it is gone: half of one may be in the server already.
#[derive(Clone)]
struct One {
    store: Arc<dyn Store>,
    turn: Arc<Mutex<()>>,
}

#[async_trait]
impl Carry<Ask, Result<Answer, Failure>> for One {
    async fn carry(&self, _: &str, asks: &[Arc<Ask>]) -> Answers {
        let (one, gathered) = (self.clone(), asks.iter().map(|ask| Ask::clone(ask)).collect());
        let change = tokio::spawn(async move {
            // That of somebody who is gone may still be under way.
            let _turn = one.turn.lock().await;
            serve(one.store, gathered).await
        });
        let given_up = Failure::new(ErrorKind::Unexpected, "the change was given up half-way");
        change.await.unwrap_or_else(|_| vec![Err(given_up); asks.len()])
    }
}

fn store(servers: &Arc<Servers>, settings: &KeaSettings, secrets: &dyn Secrets) -> Result<Arc<dyn Store>, String> {
    match (settings.backend, &settings.hosts_database) {
        (Some(KeaBackend::Hook), Some(_)) => {
            Err("`backend: hook` and `hosts_database` are two ways to the same reservations: leave one of them out"
                .to_owned())
        }
        (Some(KeaBackend::Hook), None) => Ok(Arc::new(Hook::new(Arc::clone(servers)))),
        (None, Some(database)) => hosts(servers, database, secrets),
        (None, None) => Ok(Arc::new(Configuration::new(Arc::clone(servers)))),
    }
}

#[cfg(feature = "kea-postgresql")]
fn hosts(servers: &Arc<Servers>, database: &HostsDatabase, secrets: &dyn Secrets) -> Result<Arc<dyn Store>, String> {
    Ok(Arc::new(super::hosts::Hosts::new(Arc::clone(servers), database, secrets)?))
}

#[cfg(not(feature = "kea-postgresql"))]
fn hosts(_: &Arc<Servers>, _: &HostsDatabase, _: &dyn Secrets) -> Result<Arc<dyn Store>, String> {
    Err("this program was built without the feature `kea-postgresql` of dip-network".to_owned())
}

#[async_trait]
impl Dhcp for Kea {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        let held = self.ask(Ask::Reservation(mac), || format!("look up the reservation of {mac}")).await?;
        Ok(held.into_iter().next())
    }

    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        self.servers.leases(mac).await.map_err(|failure| failure.told(NAME, format!("look up the leases of {mac}")))
    }

    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError> {
        let ask = Ask::Reserve(reservation.clone(), owner.clone());
        self.ask(ask, || format!("reserve addresses for {}", reservation.mac)).await.map(drop)
    }

    async fn claim(&self, mac: MacAddr, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let ask = Ask::HandOver { mac, from: from.clone(), to: Holder::Site(owner.clone()) };
        self.ask(ask, || format!("claim the reservation of {mac}")).await.map(drop)
    }

    async fn disown(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let ask = Ask::HandOver { mac, from: Holder::Site(owner.clone()), to: Holder::Nobody };
        self.ask(ask, || format!("take the mark off the reservation of {mac}")).await.map(drop)
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let ask = Ask::Release(mac, owner.clone());
        self.ask(ask, || format!("release the reservation of {mac}")).await.map(drop)
    }

    async fn list(&self) -> Result<Vec<Held>, ProviderError> {
        self.ask(Ask::List, || "list its reservations".to_owned()).await
    }
}

type Answers = Vec<Result<Answer, Failure>>;

/// Serves all that was gathered. Where some of it is refused, it is halved until what is refused stands alone.
async fn serve(store: Arc<dyn Store>, asks: Vec<Ask>) -> Answers {
    match change(&*store, &asks).await {
        Ok(answers) => answers,
        Err(Unmade::Part(_)) if asks.len() > 1 => {
            let (first, second) = asks.split_at(asks.len() / 2);
            let mut answers = Box::pin(serve(Arc::clone(&store), first.to_vec())).await;
            answers.extend(Box::pin(serve(store, second.to_vec())).await);
            answers
        }
        Err(Unmade::Part(failure) | Unmade::All(failure)) => asks.iter().map(|_| Err(failure.clone())).collect(),
    }
}

/// Why a change is not made.
enum Unmade {
    /// The server takes none now.
    All(Failure),
    /// It refuses something of this one.
    Part(Failure),
}

async fn change(store: &dyn Store, asks: &[Ask]) -> Result<Answers, Unmade> {
    for _ in 0..TRIES {
        let mut book = store.read(asks).await.map_err(Unmade::All)?;
        // Looks see what was there before: a change that is not made yet may still fail.
        let mut answers: Vec<_> = asks.iter().map(|ask| Ok(look(&book, ask))).collect();
        for (ask, answer) in asks.iter().zip(&mut answers) {
            let done = match ask {
                Ask::Reserve(wanted, owner) => book.reserve(wanted, owner),
                Ask::HandOver { mac, from, to } => book.hand_over(*mac, from, to),
                Ask::Release(mac, owner) => book.release(*mac, owner),
                Ask::Reservation(_) | Ask::List => continue,
            };
            *answer = done.map(|()| Answer::default());
        }
        let written = if book.changes().next().is_some() {
            store.write(&book).await.map_err(|failure| match failure.kind {
                ErrorKind::Invalid | ErrorKind::Unsupported => Unmade::Part(failure),
                _ => Unmade::All(failure),
            })?
        } else {
            if answers.iter().zip(asks).any(|(answer, ask)| answer.is_ok() && !ask.is_look()) {
                store.settle().await.map_err(Unmade::All)?;
            }
            Written::Done
        };
        if written == Written::Done {
            return Ok(answers);
        }
    }
    let why = format!("its configuration was changed by somebody else {TRIES} times while a change was prepared");
    Err(Unmade::All(Failure::new(ErrorKind::Busy, why)))
}

fn look(book: &super::book::Book, ask: &Ask) -> Answer {
    Answer(match ask {
        Ask::Reservation(mac) => book.held(*mac).into_iter().collect(),
        Ask::List => book.list(),
        Ask::Reserve(..) | Ask::HandOver { .. } | Ask::Release(..) => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::book::Book;
    use super::*;

    /// It takes a second for each read, and counts those that began and those that ended.
    #[derive(Default)]
    struct Slow {
        began: AtomicUsize,
        ended: AtomicUsize,
    }

    #[async_trait]
    impl Store for Slow {
        async fn read(&self, _: &[Ask]) -> Result<Book, Failure> {
            let began = self.began.fetch_add(1, Ordering::Relaxed);
            assert_eq!(began, self.ended.load(Ordering::Relaxed), "one is under way");
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.ended.fetch_add(1, Ordering::Relaxed);
            Ok(Book::new(Vec::new(), []))
        }

        async fn write(&self, _: &Book) -> Result<Written, Failure> {
            Ok(Written::Done)
        }

        async fn settle(&self) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_goes_on_to_its_end_where_whoever_asked_is_gone_and_the_next_one_waits_for_it() {
        let store = Arc::new(Slow::default());
        let one = One { store: Arc::clone(&store) as Arc<dyn Store>, turn: Arc::default() };
        let gather = Gather::new();
        let given_up = tokio::time::timeout(Duration::from_millis(10), gather.join(NAME, Ask::List, &one)).await;
        assert!(given_up.is_err());
        assert_eq!((store.began.load(Ordering::Relaxed), store.ended.load(Ordering::Relaxed)), (1, 0));
        let all: Vec<_> = (0..100).map(|_| gather.join(NAME, Ask::List, &one)).collect();
        let answers = futures_util::future::join_all(all).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(store.ended.load(Ordering::Relaxed), 2, "the first, and all others together");
    }
}
