//! One reservation of one subnet of Kea, and the words for it.

use std::fmt;
use std::net::IpAddr;

use dip_core::hardware::{Duid, MacAddr};
use dip_core::id::SiteName;
use ipnetwork::IpNetwork;

use super::super::boot_tag::site_of;

/// Which of Kea's two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// What a configuration of this server has everything in.
    pub(super) const fn root(self) -> &'static str {
        match self {
            Self::V4 => "Dhcp4",
            Self::V6 => "Dhcp6",
        }
    }
}

/// Kea's number of a subnet; 0 for what holds in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SubnetId(pub(super) u32);

impl SubnetId {
    pub(super) const GLOBAL: Self = Self(0);
}

/// A subnet that Kea serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) id: SubnetId,
    pub(super) prefix: IpNetwork,
    /// Whether Kea looks at the reservations of this subnet at all (`reservations-in-subnet`).
    pub(super) reservable: bool,
}

/// By what Kea knows a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Client {
    Mac(MacAddr),
    /// Another identifier, in words: `circuit-id 'port7'`.
    Other(String),
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nowhere yet.
    New,
    /// In what is written, under this number.
    Stored(i64),
    /// In a file of Kea that this provider does not write.
    Fixed,
}

/// What is to become of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Same,
    Changed,
    Removed,
}

/// One reservation of one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) standing: Standing,
    pub(super) fate: Fate,
    pub(super) family: Family,
    pub(super) subnet: SubnetId,
    pub(super) client: Client,
    /// Where it is known by a DUID, also where that tells the interface.
    pub(super) duid: Option<Duid>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) host_name: Option<String>,
    /// The classes that its client is put into, dip's and others.
    pub(super) classes: Vec<String>,
    pub(super) owner: Option<SiteName>,
}

impl Entry {
    /// The interface, where Kea knows its client by a DUID that does not tell it: it has to be noted.
    pub(super) fn noted_interface(&self) -> Option<MacAddr> {
        match self.client {
            Client::Mac(mac) => self.needed_duid(mac).map(|_| mac),
            Client::Other(_) => None,
        }
    }

    /// The DUID that stands for its client where it has one; its MAC address does else.
    pub(super) fn identifying_duid(&self) -> Option<&Duid> {
        self.noted_interface().and_then(|mac| self.needed_duid(mac))
    }

    /// The DUID that it is known by where its interface does not tell that.
    pub(super) fn needed_duid(&self, mac: MacAddr) -> Option<&Duid> {
        self.duid.as_ref().filter(|duid| duid.mac() != Some(mac))
    }

    /// Its classes with these boot files of the site, or with none.
    pub(super) fn classes_with(&self, boot: Option<&str>, site: &SiteName) -> Vec<String> {
        let others = self.classes.iter().filter(|class| site_of(class).is_none_or(|of| of != *site)).cloned();
        others.chain(boot.map(str::to_owned)).collect()
    }
}
