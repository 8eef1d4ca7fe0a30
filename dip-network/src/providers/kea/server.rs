//! The provider: asks are gathered, decided on what the server holds, and written as one change.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use dip_core::secret::Secrets;

use super::client::Servers;
use super::configuration::Configuration;
use super::failure::Failure;
use super::store::{Answer, Ask, Store, Written};
use crate::provider::{Dhcp, Held, Reservation};
use crate::providers::gather::{Gather, GivenUp};
use crate::settings::KeaSettings;

const NAME: &str = "kea";

/// How often a change is made anew because somebody else changed the configuration meanwhile. Whoever edits by hand is slower than that.
const TRIES: usize = 5;

/// The reservations of a Kea: in the configuration of its servers, or in the database of its hosts backend.
///
/// An interface may have one IPv4 address and any number of IPv6 addresses in each subnet. Its DHCPv6 client is known by the MAC address
/// that Kea takes from its DUID, its link-local address or its relay.
#[derive(Clone)]
pub struct Kea {
    servers: Arc<Servers>,
    store: Arc<dyn Store>,
    gather: Arc<Gather<Ask, Result<Answer, Failure>>>,
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
        let store = store(&servers, settings, secrets)?;
        Ok(Self { servers, store, gather: Arc::new(Gather::new()) })
    }

    async fn ask(&self, ask: Ask, action: impl Fn() -> String) -> Result<Vec<Held>, ProviderError> {
        let store = Arc::clone(&self.store);
        match self.gather.ask(ask, |asks| serve(store, asks)).await {
            Ok(Ok(Answer(held))) => Ok(held),
            Ok(Err(failure)) => Err(told(failure, action())),
            Err(GivenUp) => Err(ProviderError::new(ErrorKind::Unexpected, NAME, action()).because(GivenUp)),
        }
    }
}

#[cfg(feature = "kea-postgresql")]
fn store(servers: &Arc<Servers>, settings: &KeaSettings, secrets: &dyn Secrets) -> Result<Arc<dyn Store>, String> {
    Ok(match &settings.hosts_database {
        Some(database) => Arc::new(super::hosts::Hosts::new(Arc::clone(servers), database, secrets)?),
        None => Arc::new(Configuration::new(Arc::clone(servers))),
    })
}

#[cfg(not(feature = "kea-postgresql"))]
fn store(servers: &Arc<Servers>, settings: &KeaSettings, _: &dyn Secrets) -> Result<Arc<dyn Store>, String> {
    match &settings.hosts_database {
        Some(_) => Err("this program was built without the feature `kea-postgresql` of dip-network".to_owned()),
        None => Ok(Arc::new(Configuration::new(Arc::clone(servers)))),
    }
}

#[async_trait]
impl Dhcp for Kea {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        let held = self.ask(Ask::Reservation(mac), || format!("look up the reservation of {mac}")).await?;
        Ok(held.into_iter().next())
    }

    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        self.servers.leases(mac).await.map_err(|failure| told(failure, format!("look up the leases of {mac}")))
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

fn told(failure: Failure, action: String) -> ProviderError {
    let error = ProviderError::new(failure.kind, NAME, action);
    let error = match &failure.advice {
        Some(advice) => error.advise(format!("{}; {advice}", failure.why)),
        None => error,
    };
    error.because(failure)
}

type Answers = Vec<Result<Answer, Failure>>;

/// Serves all that was gathered. What the server refuses as wrong is halved until the one that is wrong stands alone.
async fn serve(store: Arc<dyn Store>, asks: Vec<Ask>) -> Answers {
    match change(&*store, &asks).await {
        Ok(answers) => answers,
        Err(failure) if failure.kind == ErrorKind::Invalid && asks.len() > 1 => {
            let (first, second) = asks.split_at(asks.len() / 2);
            let mut answers = Box::pin(serve(Arc::clone(&store), first.to_vec())).await;
            answers.extend(Box::pin(serve(store, second.to_vec())).await);
            answers
        }
        Err(failure) => asks.iter().map(|_| Err(failure.clone())).collect(),
    }
}

async fn change(store: &dyn Store, asks: &[Ask]) -> Result<Answers, Failure> {
    for _ in 0..TRIES {
        let mut book = store.read(asks).await?;
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
            store.write(&book).await?
        } else {
            if answers.iter().zip(asks).any(|(answer, ask)| answer.is_ok() && !ask.is_look()) {
                store.settle().await?;
            }
            Written::Done
        };
        if written == Written::Done {
            return Ok(answers);
        }
    }
    let why = format!("its configuration was changed by somebody else {TRIES} times while a change was prepared");
    Err(Failure::new(ErrorKind::Busy, why))
}

fn look(book: &super::book::Book, ask: &Ask) -> Answer {
    Answer(match ask {
        Ask::Reservation(mac) => book.held(*mac).into_iter().collect(),
        Ask::List => book.list(),
        Ask::Reserve(..) | Ask::HandOver { .. } | Ask::Release(..) => Vec::new(),
    })
}
