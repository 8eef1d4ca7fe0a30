//! The names of a DNS server that takes dynamic updates.
//!
//! A name is marked by a TXT record beside it, `_dip.<name> TXT "site=<site>"`. Every change carries prerequisites that the server
//! tests together with the change: an unused name, or our own mark. So nobody's record is overwritten, not even one that was
//! written a moment ago. Forward and reverse zones cannot change in one message; the reverse name follows the forward one, and
//! a check sees what is missing in between.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType, TSigner};
use tokio::sync::Semaphore;

use super::session::{Outcome, PRODUCT, Session, failed, mark_name, mark_text, plain, pointer};
use super::update::{Update, text};
use super::wire::Connection;
use crate::provider::{Dns, HeldName, HostName};

/// BIND takes 150 connections by default (`tcp-clients`), from everybody; more of ours would gain nothing.
const CONNECTIONS: usize = 24;

/// How often a change is tried that somebody else's change came before.
const TRIES: usize = 3;

/// The names of one DNS server.
pub struct Rfc2136 {
    server: String,
    zones: Vec<Name>,
    key: TSigner,
    ttl: u32,
    connections: Semaphore,
}

impl Rfc2136 {
    pub(super) fn with(server: String, zones: Vec<Name>, key: TSigner, ttl: u32) -> Self {
        Self { server, zones, key, ttl, connections: Semaphore::new(CONNECTIONS) }
    }
}

impl fmt::Debug for Rfc2136 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rfc2136").field("server", &self.server).finish_non_exhaustive()
    }
}

#[async_trait]
impl Dns for Rfc2136 {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        let action = format!("look up {name}");
        let name = parse(name, &action)?;
        let _permit = self.connections.acquire().await;
        self.session(&action).await?.held(&name, &action).await
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        let action = format!("look up the name of {address}");
        let _permit = self.connections.acquire().await;
        let (_, names) = self.session(&action).await?.reverse(address, &action).await?;
        let names: BTreeSet<String> = names.iter().map(plain).collect();
        Ok(names.into_iter().collect())
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("register {}", wanted.name);
        let name = parse(&wanted.name, &action)?;
        let _permit = self.connections.acquire().await;
        let mut change = Change { session: self.session(&action).await?, name, owner, ttl: self.ttl, action: &action };
        change.ensure(&wanted.addresses).await
    }

    async fn owned(&self, domain: &str, owner: &SiteName) -> Result<Vec<String>, ProviderError> {
        let action = format!("list the names of {owner} below {domain}");
        let below = fully_qualified(domain, &action)?;
        let _permit = self.connections.acquire().await;
        self.session(&action).await?.owned(&below, owner, &action).await
    }

    async fn names(&self, domain: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        let action = format!("list all names below {domain}");
        let below = fully_qualified(domain, &action)?;
        let _permit = self.connections.acquire().await;
        self.session(&action).await?.names(&below, &action).await
    }

    async fn claim(&self, name: &str, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("claim {name}");
        let name = parse(name, &action)?;
        let _permit = self.connections.acquire().await;
        let mut change = Change { session: self.session(&action).await?, name, owner, ttl: self.ttl, action: &action };
        change.claim(from).await
    }

    async fn disown(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("take the mark off {name}");
        let name = parse(name, &action)?;
        let _permit = self.connections.acquire().await;
        let mut change = Change { session: self.session(&action).await?, name, owner, ttl: self.ttl, action: &action };
        change.disown().await
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("remove {name}");
        let name = parse(name, &action)?;
        let _permit = self.connections.acquire().await;
        let mut change = Change { session: self.session(&action).await?, name, owner, ttl: self.ttl, action: &action };
        change.remove().await
    }
}

impl Rfc2136 {
    async fn session(&self, action: &str) -> Result<Session<'_>, ProviderError> {
        let connection = Connection::open(&self.server, &self.key).await.map_err(|error| {
            failed(error, action).advise(format!("is a DNS server at {}, and does it take TCP?", self.server))
        })?;
        Ok(Session { connection, server: &self.server, zones: &self.zones })
    }
}

fn parse(name: &str, action: &str) -> Result<Name, ProviderError> {
    let invalid = || ProviderError::new(ErrorKind::Invalid, PRODUCT, action);
    if !name.trim_end_matches('.').contains('.') {
        return Err(invalid().advise(format!("`{name}` has no domain; give the site or its network one")));
    }
    fully_qualified(name, action)
}

fn fully_qualified(name: &str, action: &str) -> Result<Name, ProviderError> {
    let invalid = |error| ProviderError::new(ErrorKind::Invalid, PRODUCT, action).because(error);
    let mut name = Name::from_ascii(name).map_err(invalid)?.to_lowercase();
    name.set_fqdn(true);
    Ok(name)
}

/// A change of one name on behalf of one site.
struct Change<'a> {
    session: Session<'a>,
    name: Name,
    owner: &'a SiteName,
    ttl: u32,
    action: &'a str,
}

/// What must become of the reverse name of an address.
struct Pointer {
    at: Name,
    /// The names that were seen, and are ours to replace.
    seen: Vec<Name>,
}

impl Change<'_> {
    async fn ensure(&mut self, addresses: &[IpAddr]) -> Result<(), ProviderError> {
        let wanted: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        let zone = self.session.zone(&self.name, self.action).await?;
        let mut written = false;
        for _ in 0..TRIES {
            let held = self.ours().await?;
            // Whatever stands in the way is told before anything is changed.
            let mut pointers = Vec::new();
            for address in &wanted {
                pointers.extend(self.pointer(*address).await?);
            }
            if let Some(held) = &held {
                let former: BTreeSet<IpAddr> = held.addresses.iter().copied().collect();
                // Before the addresses change: afterwards nobody would know of these reverse names.
                for address in former.difference(&wanted) {
                    self.unpoint(*address).await?;
                }
                written = former == wanted;
            }
            if !written {
                match self.session.update(self.forward(&zone, held.is_some(), &wanted)?, self.action).await? {
                    Outcome::Changed => {}
                    Outcome::Prevented(ResponseCode::YXRRSet) if held.is_some() => {
                        return Err(self.conflict("it was made an alias (CNAME) by hand".to_owned()));
                    }
                    Outcome::Prevented(_) => {
                        self.tell_other().await?;
                        continue;
                    }
                }
            }
            return self.point(pointers).await;
        }
        Err(self.busy())
    }

    async fn remove(&mut self) -> Result<(), ProviderError> {
        let zone = self.session.zone(&self.name, self.action).await?;
        for _ in 0..TRIES {
            let Some(held) = self.ours().await? else {
                return self.tell_other().await;
            };
            for address in held.addresses {
                self.unpoint(address).await?;
            }
            let mark = mark_name(&self.name, self.action)?;
            let update = Update::of(&zone)
                .if_exactly(&mark, [text(&mark_text(self.owner))])
                .delete(&self.name, RecordType::A)
                .delete(&self.name, RecordType::AAAA)
                .delete(&mark, RecordType::TXT);
            if self.session.update(update, self.action).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Marks the name as ours, if it is held as the claim saw it; the records themselves stay.
    async fn claim(&mut self, from: &Holder) -> Result<(), ProviderError> {
        let zone = self.session.zone(&self.name, self.action).await?;
        let mark = mark_name(&self.name, self.action)?;
        for _ in 0..TRIES {
            let Some(held) = self.session.held(&self.name, self.action).await? else { return Ok(()) };
            if held.owner.as_ref() == Some(self.owner) {
                return Ok(());
            }
            let other_types = held.owner.is_none() && held.addresses.is_empty();
            if Holder::from(held.owner) != *from || other_types {
                return self.tell_other().await;
            }
            let update = match from {
                Holder::Nobody => Update::of(&zone).if_unused(&mark),
                Holder::Site(site) => {
                    Update::of(&zone).if_exactly(&mark, [text(&mark_text(site))]).delete(&mark, RecordType::TXT)
                }
            };
            let update = update.add(&mark, self.ttl, text(&mark_text(self.owner)));
            if self.session.update(update, self.action).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Takes our mark off the name; the records themselves stay.
    async fn disown(&mut self) -> Result<(), ProviderError> {
        let zone = self.session.zone(&self.name, self.action).await?;
        let mark = mark_name(&self.name, self.action)?;
        for _ in 0..TRIES {
            if self.ours().await?.is_none() {
                return Ok(());
            }
            let update =
                Update::of(&zone).if_exactly(&mark, [text(&mark_text(self.owner))]).delete(&mark, RecordType::TXT);
            if self.session.update(update, self.action).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// What the name has, if it carries our mark; `None` if it carries none.
    async fn ours(&mut self) -> Result<Option<HeldName>, ProviderError> {
        match self.session.owner(&self.name, self.action).await? {
            None => Ok(None),
            Some(owner) if owner == *self.owner => self.session.held(&self.name, self.action).await,
            Some(owner) => Err(self.conflict(format!("it carries the mark of site `{owner}`"))),
        }
    }

    /// The conflict, if somebody else uses the name now.
    async fn tell_other(&mut self) -> Result<(), ProviderError> {
        match self.session.held(&self.name, self.action).await? {
            None => Ok(()),
            Some(held) if held.owner.as_ref() == Some(self.owner) => Ok(()),
            Some(HeldName { owner: Some(owner), .. }) => {
                Err(self.conflict(format!("it carries the mark of site `{owner}`")))
            }
            Some(HeldName { addresses, owner: None }) if addresses.is_empty() => {
                Err(self.conflict("it has records of another type, without a mark".to_owned()))
            }
            Some(HeldName { addresses, owner: None }) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                Err(self.conflict(format!("it has the address {} without a mark", addresses.join(" "))))
            }
        }
    }

    fn forward(&self, zone: &Name, ours: bool, wanted: &BTreeSet<IpAddr>) -> Result<Update, ProviderError> {
        let mark = mark_name(&self.name, self.action)?;
        let mark_data = text(&mark_text(self.owner));
        let update = if ours {
            Update::of(zone)
                .if_exactly(&mark, [mark_data])
                .if_absent(&self.name, RecordType::CNAME)
                .delete(&self.name, RecordType::A)
                .delete(&self.name, RecordType::AAAA)
        } else {
            Update::of(zone).if_unused(&self.name).if_unused(&mark).add(&mark, self.ttl, mark_data)
        };
        Ok(wanted.iter().fold(update, |update, address| update.add(&self.name, self.ttl, RData::from(*address))))
    }

    /// What must be done to the reverse name of an address; `None` where it is as wanted.
    async fn pointer(&mut self, address: IpAddr) -> Result<Option<Pointer>, ProviderError> {
        let (at, seen) = self.session.reverse(address, self.action).await?;
        if seen.len() == 1 && seen[0] == self.name {
            return Ok(None);
        }
        for other in seen.iter().filter(|other| **other != self.name) {
            if self.session.owner(other, self.action).await.ok().flatten().as_ref() != Some(self.owner) {
                return Err(self
                    .conflict(format!("the reverse name of {address} is {}, which is not this site's", plain(other))));
            }
        }
        Ok(Some(Pointer { at, seen }))
    }

    async fn point(&mut self, pointers: Vec<Pointer>) -> Result<(), ProviderError> {
        for Pointer { at, seen } in pointers {
            let zone = self.session.zone(&at, self.action).await?;
            let update = if seen.is_empty() {
                Update::of(&zone).if_absent(&at, RecordType::PTR).if_absent(&at, RecordType::CNAME)
            } else {
                Update::of(&zone).if_exactly(&at, seen.iter().map(pointer)).delete(&at, RecordType::PTR)
            };
            let update = update.add(&at, self.ttl, pointer(&self.name));
            if self.session.update(update, self.action).await? != Outcome::Changed {
                return Err(self.conflict(format!("somebody else has just changed {}", plain(&at))));
            }
        }
        Ok(())
    }

    /// Takes the reverse name of an address away if it is the name and nothing else.
    async fn unpoint(&mut self, address: IpAddr) -> Result<(), ProviderError> {
        let (at, seen) = self.session.reverse(address, self.action).await?;
        if seen.contains(&self.name) {
            let zone = self.session.zone(&at, self.action).await?;
            let rest = seen.iter().filter(|name| **name != self.name);
            let update = Update::of(&zone).if_exactly(&at, seen.iter().map(pointer)).delete(&at, RecordType::PTR);
            let update = rest.fold(update, |update, name| update.add(&at, self.ttl, pointer(name)));
            if self.session.update(update, self.action).await? != Outcome::Changed {
                return Err(self.busy());
            }
        }
        Ok(())
    }

    fn conflict(&self, holder: String) -> ProviderError {
        ProviderError::new(ErrorKind::Conflict, PRODUCT, self.action)
            .advise(format!("{holder}; remove it there, or give the node another name or address"))
    }

    fn busy(&self) -> ProviderError {
        ProviderError::new(ErrorKind::Busy, PRODUCT, self.action)
            .advise("somebody else changes the name at the same time")
    }
}
