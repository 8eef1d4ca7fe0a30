//! Who holds addresses: where layers that know of addresses meet the one that gives them out.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;

use super::{Holder, ProviderError};
use crate::hardware::MacAddr;
use crate::id::SiteName;

/// Somebody who holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressHolder {
    /// Where that stands, as a fragment: "the reservation of 52:54:00:00:00:07 (web7) in `dhcp`".
    pub record: String,
    /// The interface that has it, where that is known.
    pub mac: Option<MacAddr>,
    /// What the machine that has it is called there, where that is known: a fully qualified host name, the name of a node.
    pub name: Option<String>,
    /// Whose the record is.
    pub holder: Holder,
}

impl AddressHolder {
    /// Whether the record is a site's, or of a machine itself, by its interface or by one of its names: then others say what is
    /// wanted, and the steps that write such records tell what else they say.
    #[must_use]
    pub fn is_own(&self, site: &SiteName, mac: Option<MacAddr>, names: &[&str]) -> bool {
        self.holder.site() == Some(site)
            || (mac.is_some() && self.mac == mac)
            || self.name.as_deref().is_some_and(|name| names.contains(&name))
    }
}

impl fmt::Display for AddressHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which carries {}", self.record, self.holder)
    }
}

/// Who holds addresses, as far as one service knows, or all services of a site together.
///
/// dip chooses addresses itself, when it reads the site file, so that a plan is a pure function of what was read. Whoever keeps
/// addresses beside it (a DHCP server, DNS, a CMDB, an IPAM) is asked before a plan is accepted whether somebody else has one of
/// them. What one service knows is registered for the service's subject; what a site's services know together for
/// [`Subject::addresses`](crate::subject::Subject::addresses) of the site.
///
/// # Contract
/// * All holders of all these addresses are told, each with its address, the site's own among them; an address that nobody holds is
///   in none of them. A look-up right after a change sees it.
/// * Many addresses are asked for at once, so that a service that can only list all it has is asked once.
/// * What a service does not let be seen is not told, and nothing else is missing for that.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Ipam: Send + Sync {
    /// Who holds these addresses.
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError>;

    /// The same for a caller whom a look of the last half minute serves: a step that only guards against what has appeared since its
    /// plan was made. An address that somebody else held then is looked at again, so that nobody is refused for what is over.
    async fn recent_holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        self.holders(addresses).await
    }
}
