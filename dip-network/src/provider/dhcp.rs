//! A DHCP server: which addresses it keeps for which interface.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::hardware::{Duid, MacAddr};
use dip_core::id::SiteName;
use dip_core::provider::{Holder, ProviderError};
use serde::{Deserialize, Serialize};

use super::boot::BootFiles;

/// What is wanted: the addresses, and the host name, that an interface gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The interface.
    pub mac: MacAddr,
    /// Its addresses, IPv4 and IPv6; at least one. Their order means nothing.
    pub addresses: Vec<IpAddr>,
    /// The host name that the server tells it, without a domain; `None` for none.
    pub host_name: Option<String>,
    /// By what it asks for IPv6 addresses, where its MAC address does not tell that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duid: Option<Duid>,
    /// What it is told to boot from the network, by its firmware; `None` for nothing. It goes with an address of a family that it has a
    /// server in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootFiles>,
}

impl Reservation {
    /// The DUID by which a server must know the interface: `None` where it keeps no IPv6 address, and where the MAC address tells as much.
    #[must_use]
    pub fn needed_duid(&self) -> Option<&Duid> {
        let has_v6 = self.addresses.iter().any(IpAddr::is_ipv6);
        self.duid.as_ref().filter(|duid| has_v6 && duid.mac() != Some(self.mac))
    }

    /// What of its boot files it is told: `None` where its addresses are of no family that they have a server in.
    #[must_use]
    pub fn told_boot(&self) -> Option<BootFiles> {
        self.boot.as_ref()?.told_to(&self.addresses)
    }

    /// Whether another reservation says the same; the order of addresses means nothing.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.mac == other.mac
            && self.host_name == other.host_name
            && self.needed_duid() == other.needed_duid()
            && self.told_boot() == other.told_boot()
            && sorted(&self.addresses) == sorted(&other.addresses)
    }
}

fn sorted(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// What the server has: a reservation, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The reservation.
    pub reservation: Reservation,
    /// The site whose mark it carries; `None` where it carries none: somebody wrote it by hand.
    pub owner: Option<SiteName>,
}

/// The reservations of one DHCP server.
///
/// # Contract
/// * `reserve` twice is once, and a `reservation` right after sees it. A reservation of the same owner for the same interface is replaced.
/// * An address that the same owner keeps for another interface moves to the new one (a network card was replaced): the former
///   reservation loses that address, and is gone where it has no other.
/// * An interface or an address that anybody else holds (another site, or no mark at all) is
///   [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict) for `reserve`, and an interface for `release`; nothing is changed then.
/// * A DUID that anybody else's reservation has is a `Conflict` for `reserve` too.
/// * Boot files are told to the interfaces whose reservations have them, and to nobody else. They are told over DHCPv4 where
///   they have a server in IPv4 and the reservation an IPv4 address, and over DHCPv6 likewise; a reservation that has some and hears of them
///   over neither is [`ErrorKind::Invalid`](dip_core::provider::ErrorKind::Invalid). What the server says of them where no reservation of
///   the owner has them any more, it says no longer.
/// * `release` of an interface without a reservation is `Ok(())`.
/// * `claim` puts the owner's mark on a reservation that `from` holds, and leaves what it says as it is. One that the owner holds
///   already, and a reservation that is not there, is `Ok(())`; one that anybody else holds is a `Conflict`.
/// * `disown` takes the owner's mark off again and leaves the rest. One without a mark is `Ok(())`, another site's a `Conflict`.
/// * What a server cannot do at all, keep an IPv6 address or list its reservations, is
///   [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported), with the reason.
/// * A cancelled or interrupted `reserve` or `release` leaves the reservation as before, as wanted, or absent; calling it again mends it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Dhcp: Send + Sync {
    /// The reservation of an interface.
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError>;

    /// The addresses that the server has lent to an interface, and that it may have still; none where the server does not tell.
    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError>;

    /// Keeps addresses for an interface, on behalf of a site.
    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError>;

    /// Puts a site's mark on a reservation that somebody else holds, by a reviewed claim.
    async fn claim(&self, mac: MacAddr, from: &Holder, owner: &SiteName) -> Result<(), ProviderError>;

    /// Takes a site's mark off the reservation of an interface.
    async fn disown(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError>;

    /// Gives up the reservation of an interface, on behalf of a site.
    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError>;

    /// All reservations, everybody's, in the order of their MAC addresses.
    async fn list(&self) -> Result<Vec<Held>, ProviderError>;
}
