//! A DNS service: which addresses a name has, which names an address has, and whose the name is.

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

/// What the service has under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldName {
    /// Its A and AAAA records, in the order of addresses; empty where it has records of other types alone.
    pub addresses: Vec<IpAddr>,
    /// The site whose mark it carries; `None` where it carries none: somebody else wrote it.
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
/// * `owned`, `names`, `claim` and `disown` may be left out: what the service does not offer is `Unsupported`.
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
    ProviderError::new(ErrorKind::Unsupported, "dns", action).advise("the program's DNS provider does not offer it")
}
