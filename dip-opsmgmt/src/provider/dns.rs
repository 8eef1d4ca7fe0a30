//! A DNS service: which addresses a name has, which names an address has, and whose the name is.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use serde::{Deserialize, Serialize};

/// What is wanted: a name, its addresses, and the name for each address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostName {
    /// The fully qualified name in lower case, without a dot at its end: `n1.lab.example`.
    pub name: String,
    /// Its addresses, IPv4 (A) and IPv6 (AAAA), each with the reverse name (PTR) `name`. Their order means nothing.
    pub addresses: Vec<IpAddr>,
}

/// A further record of a node: another name for it, where one of its services answers, or a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The fully qualified name that it stands at, in the form of [`HostName::name`].
    pub name: String,
    /// Its time to live in seconds; that of the service where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// What it says.
    pub data: EntryData,
}

/// What a further record says. Names are in the form of [`HostName::name`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryData {
    /// The name is another one for this name (CNAME).
    Cname(String),
    /// A service answers there (SRV, RFC 2782); several nodes may each have such a record at one name.
    Srv {
        /// The lowest is asked first.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The name of the node that has it.
        target: String,
    },
    /// A text (TXT).
    Txt(String),
}

impl Entry {
    /// Whether both are one record; for how long it may be remembered does not count.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.data == other.data
    }

    /// Whether it is among others.
    #[must_use]
    pub fn is_among(&self, others: &[Self]) -> bool {
        others.iter().any(|other| self.is(other))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            EntryData::Cname(to) => write!(f, "{} CNAME {to}", self.name),
            EntryData::Srv { priority, weight, port, target } => {
                write!(f, "{} SRV {priority} {weight} {port} {target}", self.name)
            }
            EntryData::Txt(text) => write!(f, "{} TXT {text:?}", self.name),
        }
    }
}

/// What the service has under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldName {
    /// Its A and AAAA records, in the order of addresses; empty where it has records of other types alone.
    pub addresses: Vec<IpAddr>,
    /// The site whose mark it carries; `None` where it carries none: somebody else wrote it.
    pub owner: Option<SiteName>,
}

/// The further records at a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEntries {
    /// What they say, in order.
    pub data: Vec<EntryData>,
    /// The site whose mark the name carries.
    pub owner: Option<SiteName>,
}

/// The names of one DNS service.
///
/// # Contract
/// * `ensure` makes the addresses of the name exactly the wanted ones, marks the name with its owner, and gives every address
///   the name as its only reverse name. The addresses and the mark change together or not at all; reverse names may follow in
///   further changes, and reverse names that the name gave up are removed.
/// * `ensure` twice is once, and a look-up right after sees it.
/// * A name that has records of any type without the owner's mark, and an address whose reverse name belongs to anybody else, is
///   [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict) for `ensure`, and such a name for `remove`. The error tells
///   who holds it, and nothing of theirs is changed, even if they write it in the same moment.
/// * A reverse name may be replaced if it points to a name with the same owner's mark: the address moved between its nodes.
/// * `remove` takes away the addresses, the mark and the reverse names; a name that is not there is `Ok(())`.
/// * `owned` tells all names at and below a domain that carry the owner's mark, in their order. A service that does not let its names be listed is
///   [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported), and says what to allow.
/// * `names` tells all names at and below a domain that have addresses, everybody's, with what [`name`](Self::name) tells of each.
///   What holds for `owned` where names cannot be listed holds for it too.
/// * `claim` puts the owner's mark on a name that `from` holds, and leaves what it says as it is. One that the owner holds
///   already, and a name that is not there, is `Ok(())`; one that anybody else holds is a `Conflict`.
/// * `disown` takes the owner's mark off again and leaves the rest. One without a mark is `Ok(())`, another site's a `Conflict`.
/// * `ensure_all` does for several names of a node what `ensure` does for one, and makes further records; all of one zone change
///   together or not at all. The first name is the one that the node is known by. The node's further records become exactly the
///   wanted ones: what an earlier call made for the same first name, and nobody changed since, is taken away. Whatever else stands
///   at those names stays, but for another alias: a name has one. What holds for names without the owner's mark holds for these
///   names too.
/// * `entries` tells the further records at a name and its owner, whoever wrote them. `made` tells those that `ensure_all` made for
///   a node, by its first name, where that carries the owner's mark; what became of them since it does not tell.
///   `remove_entries` takes records away where the owner's mark stands, and the mark of a name that has none left.
/// * `remove` of a first name forgets what was made for it: whoever wants these records gone removes them before.
/// * `owned`, `names`, `claim`, `disown` and further records may be left out: what the service does not offer is `Unsupported`.
/// * A cancelled call can be looked at, and calling it again mends what it left.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Dns: Send + Sync {
    /// The addresses and the owner of a name; `None` where nobody uses it.
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError>;

    /// The reverse names of an address (PTR), in the form of [`HostName::name`]; empty where it has none.
    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError>;

    /// All names at and below a domain that carry a site's mark, in the form of [`HostName::name`].
    async fn owned(&self, domain: &str, owner: &SiteName) -> Result<Vec<String>, ProviderError> {
        let _ = owner;
        Err(not_offered(format!("list the names below {domain}")))
    }

    /// All names at and below a domain that have addresses, with their holders, in the order of names.
    async fn names(&self, domain: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        Err(not_offered(format!("list all names below {domain}")))
    }

    /// Makes a name and its addresses known in both directions, on behalf of a site.
    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError>;

    /// Makes all names and further records of a node known, on behalf of a site.
    async fn ensure_all(&self, names: &[HostName], entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        if let Some(entry) = entries.first() {
            return Err(not_offered(format!("write {entry}")));
        }
        for name in names {
            self.ensure(name, owner).await?;
        }
        Ok(())
    }

    /// The further records at a name and its owner; `None` where nobody uses the name.
    async fn entries(&self, name: &str) -> Result<Option<HeldEntries>, ProviderError> {
        Err(not_offered(format!("look up the further records of {name}")))
    }

    /// The further records that were made for a node, on behalf of a site, by the name that the node is known by; `None` where
    /// that name does not carry the site's mark.
    async fn made(&self, first: &str, owner: &SiteName) -> Result<Option<Vec<Entry>>, ProviderError> {
        let _ = owner;
        Err(not_offered(format!("look up what was made for {first}")))
    }

    /// Takes further records away, on behalf of a site; what is not there is no error.
    async fn remove_entries(&self, entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        let _ = owner;
        match entries.first() {
            Some(entry) => Err(not_offered(format!("remove {entry}"))),
            None => Ok(()),
        }
    }

    /// Puts a site's mark on a name that somebody else holds, by a reviewed claim.
    async fn claim(&self, name: &str, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let _ = (from, owner);
        Err(not_offered(format!("claim {name}")))
    }

    /// Takes a site's mark off a name.
    async fn disown(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let _ = owner;
        Err(not_offered(format!("take the mark off {name}")))
    }

    /// Takes a name away in both directions, on behalf of a site.
    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError>;
}

/// What a provider leaves out is told, and never passed over.
fn not_offered(action: String) -> ProviderError {
    ProviderError::new(ErrorKind::Unsupported, "dns", action).advise("the DNS service of the site does not offer it")
}
