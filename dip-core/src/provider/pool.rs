//! Who gives out addresses beside dip: where the site model and those who keep addresses meet.

use std::net::IpAddr;

use async_trait::async_trait;
use ipnetwork::IpNetwork;

use super::{AddressHolder, ProviderError};
use crate::id::SiteName;

/// A service that knows which addresses of its prefixes are free, and keeps those that are taken.
///
/// Which one an interface gets dip chooses by what is [`free`](Self::free) when it reads the site, so that a plan says it; a step
/// then [takes](Self::take) that one.
///
/// # Contract
/// * `take` makes an address the site's, by a record that carries its mark. Twice is once. One that anybody else has, by a record
///   with another mark or none, is a [`Conflict`](super::ErrorKind::Conflict) that tells who, and stays theirs; where several take one
///   at the same moment, one of them gets it.
/// * `holder` tells who has an address, also right after `take`.
/// * `give_back` removes what `take` made, and what is not there is `Ok(())`; a record of anybody else is a `Conflict` and stays.
/// * A prefix that the service does not keep is [`NotFound`](super::ErrorKind::NotFound).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AddressPool: Send + Sync {
    /// The first addresses of a prefix that are free, at most so many, the lowest first. Reads only.
    async fn free(&self, prefix: IpNetwork, most: usize) -> Result<Vec<IpAddr>, ProviderError>;

    /// Who has an address.
    async fn holder(&self, address: IpAddr) -> Result<Option<AddressHolder>, ProviderError>;

    /// Takes an address (`10.1.0.11/24`, with the length of the prefix that it is of) for an interface, told as `node/nic`.
    async fn take(&self, address: IpNetwork, of: &str, owner: &SiteName) -> Result<(), ProviderError>;

    /// Gives a site's address back.
    async fn give_back(&self, address: IpAddr, owner: &SiteName) -> Result<(), ProviderError>;
}
