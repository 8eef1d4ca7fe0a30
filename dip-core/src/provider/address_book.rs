//! Who holds an address, as one service of a site knows it: where layers that know of addresses meet the one that gives them out.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;

use super::{Holder, ProviderError};
use crate::hardware::MacAddr;

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

impl fmt::Display for AddressHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which carries {}", self.record, self.holder)
    }
}

/// What one service (a DNS server, a CMDB) knows of who holds addresses. Registered for the service's own subject.
///
/// # Contract
/// * All holders of all these addresses are told, each with its address; an address that nobody holds is in none of them. A look-up
///   right after a change sees it.
/// * Many addresses are asked for at once, so that a service that can only list all it has is asked once.
/// * What the service does not let be seen is not told; what it lets be seen is told without it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AddressBook: Send + Sync {
    /// Who holds these addresses.
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError>;
}
