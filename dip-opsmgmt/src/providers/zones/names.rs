//! The names of one DNS service with zones.
//!
//! Every change says what must be the case: an unused name, or our own mark. A server with prerequisites (RFC 2136) tests them
//! together with the change, so nobody's record is overwritten, not even one that was written a moment ago. What comes while a
//! zone is written to goes together into the next messages, so steps need no lock of a zone. Forward and reverse zones cannot
//! change in one message; the reverse name follows the forward one, and a check sees what is missing in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Gather, Holder, ProviderError};
use tokio::sync::Mutex as Slot;

use super::change::NameChange;
use super::edit::Edit;
use super::made::made_name;
use super::mark::{mark_name, marked_by, marked_name};
use super::places::Places;
use super::reads::Looked;
use super::record::{Data, Kind, reverse_name};
use super::server::{Look, Outcome, Seen, Usage, ZoneServer};
use super::snapshot::Snapshot;
use super::writes::Written;
use crate::provider::{Dns, Entry, HeldEntries, HeldName, HostName};
use crate::providers::dns_name::plain;
use crate::providers::fault::{Fault, Reach};

/// Three are more than any sound zone chains.
const ALIASES: usize = 3;

/// The last transfer of a zone, where there was one.
pub(super) type Kept = Arc<Slot<Option<Arc<Snapshot>>>>;

/// The names of one DNS service, whose server knows zones.
pub struct Zones<S> {
    pub(super) server: S,
    reads: Gather<Vec<Look>, Looked>,
    writes: Gather<Edit, Written>,
    /// The zones that the server does not let be transferred.
    pub(super) closed: Mutex<BTreeSet<String>>,
    snapshots: Mutex<BTreeMap<String, Kept>>,
    pub(super) places: Places,
}

impl<S> fmt::Debug for Zones<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zones").finish_non_exhaustive()
    }
}

impl<S: ZoneServer> Zones<S> {
    pub(crate) fn of(server: S) -> Self {
        Self {
            server,
            reads: Gather::new(),
            writes: Gather::new(),
            closed: Mutex::default(),
            snapshots: Mutex::default(),
            places: Places::new(),
        }
    }

    /// What is at names of one zone.
    pub(super) async fn look(&self, zone: &str, looks: Vec<Look>) -> Looked {
        self.reads.join(zone, looks, self).await
    }

    pub(super) async fn write(&self, zone: &str, edit: Edit) -> Result<Outcome, Fault> {
        self.writes.join(zone, edit, self).await
    }

    /// What a name has; `None` where nobody uses it.
    pub(super) async fn held(&self, zone: &str, name: &str) -> Result<Option<HeldName>, Fault> {
        let looks = vec![
            Look { name: name.to_owned(), kinds: &[Kind::A, Kind::Aaaa] },
            Look { name: mark_name(name), kinds: &[Kind::Txt] },
        ];
        let [at, mark] = &self.look(zone, looks).await?[..] else { return Err(unanswered()) };
        let owner = mark.data.iter().find_map(marked_by);
        let addresses: BTreeSet<IpAddr> = at.data.iter().filter_map(Data::address).collect();
        if owner.is_none() && !self.is_used(zone, name, at.usage).await? {
            return Ok(None);
        }
        Ok(Some(HeldName { addresses: addresses.into_iter().collect(), owner }))
    }

    /// Whether a name has records of its own, where a look told this of it.
    pub(super) async fn is_used(&self, zone: &str, name: &str, usage: Usage) -> Result<bool, Fault> {
        match usage {
            Usage::Unused => Ok(false),
            Usage::Known => self.server.used(zone, name).await,
            Usage::Used => Ok(true),
        }
    }

    /// The site whose mark a name carries; a name in none of the server's zones carries none.
    pub(super) async fn owner(&self, name: &str) -> Result<Option<SiteName>, Fault> {
        let zone = match self.zone(name).await {
            Err(fault) if fault.kind() == ErrorKind::Invalid => return Ok(None),
            zone => zone?,
        };
        let seen = self.look(&zone, vec![Look { name: mark_name(name), kinds: &[Kind::Txt] }]).await?;
        Ok(seen.iter().flat_map(|seen| &seen.data).find_map(marked_by))
    }

    /// Where the reverse names of an address stand, in which zone, and what they are. An alias leads elsewhere (RFC 2317).
    pub(super) async fn pointers(&self, address: IpAddr) -> Result<Pointers, Fault> {
        let mut at = reverse_name(address);
        for _ in 0..ALIASES {
            let zone = self.zone(&at).await?;
            let mut seen = self.look(&zone, vec![Look { name: at.clone(), kinds: &[Kind::Ptr] }]).await?;
            let Seen { data, alias, .. } = seen.pop().ok_or_else(unanswered)?;
            let Some(alias) = alias else {
                let names = data.into_iter().filter_map(|data| match data {
                    Data::Ptr(name) => Some(name),
                    _ => None,
                });
                return Ok(Pointers { zone, names: names.collect(), at });
            };
            at = alias;
        }
        Err(Fault::new(ErrorKind::Unexpected, Reach::Message)
            .advise(format!("the reverse name of {address} is an alias of an alias; untangle it in the zone")))
    }

    pub(super) fn slot(&self, zone: &str) -> Kept {
        let mut slots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(zone.to_owned()).or_default())
    }

    pub(super) async fn change<'a>(
        &'a self,
        name: &str,
        owner: &'a SiteName,
        action: &'a str,
    ) -> Result<NameChange<'a, S>, ProviderError> {
        let name = parse::<S>(name, action)?;
        let zone = self.zone(&name).await.map_err(of::<S>(action))?;
        Ok(NameChange { zones: self, zone, name, owner, action })
    }

    /// The same; `None` where the name's zone has left the server, and its records with it.
    pub(super) async fn change_if_there<'a>(
        &'a self,
        name: &str,
        owner: &'a SiteName,
        action: &'a str,
    ) -> Result<Option<NameChange<'a, S>>, ProviderError> {
        match self.change(name, owner, action).await {
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
            change => change.map(Some),
        }
    }

    async fn all_below(&self, domain: &str, action: &str) -> Result<Arc<Snapshot>, ProviderError> {
        let zone = self.server.zone(domain).await.map_err(of::<S>(action))?;
        self.snapshot(&zone).await.map_err(of::<S>(action))
    }
}

/// The reverse names of an address.
pub(super) struct Pointers {
    pub(super) zone: String,
    pub(super) at: String,
    pub(super) names: Vec<String>,
}

#[async_trait]
impl<S: ZoneServer> Dns for Zones<S> {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        let action = format!("look up {name}");
        let name = parse::<S>(name, &action)?;
        let zone = self.zone(&name).await.map_err(of::<S>(&action))?;
        self.held(&zone, &name).await.map_err(of::<S>(&action))
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        let action = format!("look up the name of {address}");
        let pointers = self.pointers(address).await.map_err(of::<S>(&action))?;
        let names: BTreeSet<String> = pointers.names.into_iter().collect();
        Ok(names.into_iter().collect())
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("register {}", wanted.name);
        self.make(std::slice::from_ref(wanted), None, owner, &action).await
    }

    async fn ensure_all(&self, names: &[HostName], entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        let all = names.iter().map(|name| &name.name).chain(entries.iter().map(|entry| &entry.name));
        let all: BTreeSet<&str> = all.map(String::as_str).collect();
        let action = format!("register {}", all.into_iter().collect::<Vec<_>>().join(", "));
        self.make(names, Some(entries), owner, &action).await
    }

    async fn entries(&self, name: &str) -> Result<Option<HeldEntries>, ProviderError> {
        let action = format!("look up the further records of {name}");
        let name = parse::<S>(name, &action)?;
        self.further(&name, &action).await
    }

    async fn made(&self, first: &str, owner: &SiteName) -> Result<Option<Vec<Entry>>, ProviderError> {
        let action = format!("look up what was made for {first}");
        let first = parse::<S>(first, &action)?;
        self.made_for(&first, owner, &action).await
    }

    async fn remove_entries(&self, entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        let all: Vec<String> = entries.iter().map(ToString::to_string).collect();
        self.take_away(entries, owner, &format!("remove {}", all.join(", "))).await
    }

    async fn owned(&self, domain: &str, owner: &SiteName) -> Result<Vec<String>, ProviderError> {
        let action = format!("list the names of {owner} below {domain}");
        let domain = plain(domain);
        let all = self.all_below(&domain, &action).await?;
        let ours = all.below(&domain).filter(|(_, data)| marked_by(data).as_ref() == Some(owner));
        let names: BTreeSet<&str> = ours.filter_map(|(at, _)| marked_name(at)).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    async fn names(&self, domain: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        let action = format!("list all names below {domain}");
        let domain = plain(domain);
        let all = self.all_below(&domain, &action).await?;
        let mut names: BTreeMap<String, HeldName> = BTreeMap::new();
        for (name, data) in all.below(&domain) {
            if let Some(address) = data.address() {
                let none = HeldName { addresses: Vec::new(), owner: None };
                names.entry(name.to_owned()).or_insert(none).addresses.push(address);
            }
        }
        for (at, data) in all.below(&domain) {
            if let (Some(name), Some(site)) = (marked_name(at), marked_by(data)) {
                names.entry(name.to_owned()).and_modify(|held| held.owner = Some(site));
            }
        }
        for held in names.values_mut() {
            held.addresses.sort_unstable();
            held.addresses.dedup();
        }
        Ok(names.into_iter().collect())
    }

    async fn claim(&self, name: &str, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("claim {name}");
        self.change(name, owner, &action).await?.claim(from).await
    }

    async fn disown(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("take the mark off {name}");
        self.change(name, owner, &action).await?.disown().await
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("remove {name}");
        self.change(name, owner, &action).await?.remove().await
    }
}

/// The failure of a product's server in an action.
pub(super) fn of<S: ZoneServer>(action: &str) -> impl Fn(Fault) -> ProviderError + '_ {
    move |fault| fault.of(S::PRODUCT, action)
}

/// A server gave fewer answers than there were questions.
pub(super) fn unanswered() -> Fault {
    Fault::new(ErrorKind::Unexpected, Reach::Server).advise("the server left questions unanswered")
}

/// A name in lower case without a dot at its end (RFC 1035 section 2.3.4), with room for the labels of what stands beside it.
fn parse<S: ZoneServer>(name: &str, action: &str) -> Result<String, ProviderError> {
    let invalid = |advice: String| Err(ProviderError::new(ErrorKind::Invalid, S::PRODUCT, action).advise(advice));
    let plain = plain(name);
    if !plain.contains('.') {
        return invalid(format!("`{name}` has no domain; give the site or its network one"));
    }
    if made_name(&plain).len() > 253 {
        return invalid("the name leaves no room for the label `_dip-made` beside it; shorten it".to_owned());
    }
    let sound = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
    };
    if !plain.split('.').all(sound) {
        return invalid(format!("`{name}` is not a DNS name: its labels have 1 to 63 letters, digits, `-` and `_`"));
    }
    Ok(plain)
}
