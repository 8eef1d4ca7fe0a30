//! Nodes: the machines of a site.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use super::{Driver, NodeSettings, Origin, OutletRef, PortRef};
use crate::hardware::{Duid, MacAddr, PciAddress};
use crate::id::{DiskName, NetworkName, NicName, NodeName, ProfileName, RackName};
use crate::secret::SecretRef;

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// What is wanted of it.
    pub state: NodeState,
    /// The rack that it stands in.
    pub rack: Option<RackName>,
    /// The profiles that it inherits from, nearest first.
    pub profiles: Vec<ProfileName>,
    /// The serial number that the machine must tell of itself.
    pub serial: Option<String>,
    /// Its management controller.
    pub bmc: Option<BmcAccess>,
    /// Its network interfaces, by the site's own names for them.
    pub nics: BTreeMap<NicName, Nic>,
    /// The outlets that feed it.
    pub outlets: Vec<OutletRef>,
    /// Its disks, by the site's own names for them.
    pub disks: BTreeMap<DiskName, Disk>,
    /// The settings of all layers, its profiles merged in.
    pub settings: NodeSettings,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

impl Node {
    /// The addresses of all its interfaces, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = &NicAddress> {
        let primary = self.primary_nic().map(|nic| &nic.name);
        let first = self.primary_nic().into_iter();
        let rest = self.nics.values().filter(move |nic| Some(&nic.name) != primary);
        first.chain(rest).flat_map(|nic| &nic.addresses)
    }

    /// The interface that says `primary: true`, else the first by name that is in a network.
    #[must_use]
    pub fn primary_nic(&self) -> Option<&Nic> {
        let mut nics = self.nics.values();
        nics.clone().find(|nic| nic.role == NicRole::Primary).or_else(|| nics.find(|nic| nic.network.is_some()))
    }

    /// The address by which the node is known: the first of its primary interface.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.addresses().next().map(|address| address.address)
    }
}

/// What is wanted of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// At ready state.
    #[default]
    Ready,
    /// Somebody works on it: it is left alone.
    Maintenance,
    /// It is not trusted: it is left alone, and nothing relies on it.
    Quarantine,
    /// It was ordered and is not there yet: it is left alone until it is.
    Awaited,
    /// It should be gone.
    Absent,
}

/// How a node's management controller is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BmcAccess {
    /// Its address or host name; or its MAC address, where a DHCP server of the site tells the address.
    pub address: String,
    /// The user.
    pub user: String,
    /// Where the password is.
    pub password: SecretRef,
    /// The password that it was shipped with, where dip makes the one that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory_password: Option<SecretRef>,
    /// The protocols that it speaks, the preferred one first.
    pub protocols: Vec<Driver>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

impl BmcAccess {
    /// The MAC address by which it is known; `None` where it is known by an address or a host name.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddr> {
        self.address.parse().ok()
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nic {
    /// The site's own name for it.
    pub name: NicName,
    /// Its part in the node.
    pub role: NicRole,
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// The DUID by which it asks for IPv6 addresses, where that is not made of its MAC address, with which it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duid: Option<Duid>,
    /// Its PCI address; two ports of one card may share it, so it goes with a MAC address.
    pub pci: Option<PciAddress>,
    /// The switch port that it is cabled to.
    pub link: Option<PortRef>,
    /// The network that it is in.
    pub network: Option<NetworkName>,
    /// Its addresses, given or chosen.
    pub addresses: Vec<NicAddress>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// The part of an interface in its node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NicRole {
    /// The node is known by its addresses.
    Primary,
    /// Any other.
    #[default]
    Other,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NicAddress {
    /// The address.
    pub address: IpAddr,
    /// The prefix that it is in.
    pub prefix: IpNetwork,
    /// The prefix's router.
    pub router: Option<IpAddr>,
    /// Who chose it.
    pub chosen: Chosen,
}

/// Who chose an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// It stands in the site file.
    Site,
    /// It was taken from a range, and stands in the lock file.
    Range,
}

/// A disk, by what tells it from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its serial number.
    pub serial: Option<String>,
    /// Its world wide name.
    pub wwn: Option<String>,
    /// Its device path by bus position: `/dev/disk/by-path/...`.
    pub path: Option<String>,
    /// What it is for: `system`, `data`.
    pub purpose: Option<String>,
}
