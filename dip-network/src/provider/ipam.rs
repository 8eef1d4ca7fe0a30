//! Who holds addresses: what an address is checked against before a node gets it.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::provider::{Holder, ProviderError};

/// Somebody who holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressHolder {
    /// Where that stands, as a fragment: "the reservation of 52:54:00:00:00:07 (web7) in `dhcp`".
    pub record: String,
    /// The interface that has it, where that is known.
    pub mac: Option<MacAddr>,
    /// Whose the record is.
    pub holder: Holder,
}

impl fmt::Display for AddressHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which carries {}", self.record, self.holder)
    }
}

/// The addresses of a site: who holds which.
///
/// dip chooses addresses itself, when it reads the site file, so that a plan is a pure function of what was read. Whoever keeps
/// addresses beside it (a DHCP server, an IPAM) is asked before a plan is accepted whether somebody else has one of them.
///
/// # Contract
/// * An address that nobody holds is `Ok(None)`. A look-up right after a change sees it.
/// * An address that several hold is told with the one that is not the site's own.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Ipam: Send + Sync {
    /// Who holds an address.
    async fn holder(&self, address: IpAddr) -> Result<Option<AddressHolder>, ProviderError>;
}
