//! Who holds addresses: what an address is checked against before a node gets it.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::provider::{AddressHolder, ProviderError};

/// The addresses of a site: who holds which, of all who know.
///
/// dip chooses addresses itself, when it reads the site file, so that a plan is a pure function of what was read. Whoever keeps
/// addresses beside it (a DHCP server, DNS, a CMDB, an IPAM) is asked before a plan is accepted whether somebody else has one of them.
///
/// # Contract
/// * An address that nobody holds has no holders. A look-up right after a change sees it.
/// * All holders of an address are told, the site's own among them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Ipam: Send + Sync {
    /// Who holds an address.
    async fn holders(&self, address: IpAddr) -> Result<Vec<AddressHolder>, ProviderError>;
}
