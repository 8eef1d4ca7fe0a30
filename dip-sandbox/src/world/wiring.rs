//! What is cabled to what: the part of a site that is physical and that no step changes.

use std::net::IpAddr;

use dip_core::hardware::{MacAddr, VlanId};
use dip_core::id::{NicName, ServiceName};
use dip_core::site::{Node, OutletRef, PortRef, Site};
use dip_network::settings::{DHCP_KINDS, DhcpScope};

/// A node's cables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wiring {
    /// Its interfaces, the primary one first.
    pub(crate) wires: Vec<Wire>,
    /// The outlets that feed it; without any it is always fed.
    pub(crate) outlets: Vec<OutletRef>,
    /// Its fully qualified name.
    pub(crate) host_name: String,
}

/// One interface and where it leads.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) nic: NicName,
    pub(crate) mac: Option<MacAddr>,
    pub(crate) addresses: Vec<IpAddr>,
    /// The port of a managed switch at its other end.
    pub(crate) port: Option<PortRef>,
    /// The VLAN in which its network can be reached.
    pub(crate) vlan: Option<VlanId>,
    /// The DHCP server of its network, without whose reservation it has no address.
    pub(crate) dhcp: Option<ServiceName>,
}

impl Wiring {
    pub(crate) fn of(site: &Site, node: &Node) -> Self {
        let primary = node.primary_nic().map(|nic| nic.name.clone());
        let mut wires: Vec<_> = node
            .nics
            .values()
            .map(|nic| Wire {
                nic: nic.name.clone(),
                mac: nic.mac,
                addresses: nic.addresses.iter().map(|address| address.address).collect(),
                port: nic.link.clone().filter(|port| is_managed(site, port)),
                vlan: nic.network.as_ref().and_then(|network| site.networks.get(network)).and_then(|it| it.vlan),
                dhcp: if nic.mac.is_some() { dhcp_of(site, nic.network.as_ref()) } else { None },
            })
            .collect();
        wires.sort_by_key(|wire| Some(&wire.nic) != primary.as_ref());
        Self { wires, outlets: node.outlets.clone(), host_name: site.host_name(node) }
    }

    /// The wire by which the node is reached.
    pub(crate) fn primary(&self) -> Option<&Wire> {
        self.wires.first()
    }
}

fn is_managed(site: &Site, port: &PortRef) -> bool {
    site.switches.get(&port.switch).is_some_and(|switch| switch.driver.is_some())
}

fn dhcp_of(site: &Site, network: Option<&dip_core::id::NetworkName>) -> Option<ServiceName> {
    site.services_of(DHCP_KINDS)
        .find(|service| {
            let scope = service.driver.read::<DhcpScope>().unwrap_or_default();
            scope.networks.is_empty() || network.is_some_and(|network| scope.networks.contains(network))
        })
        .map(|service| service.name.clone())
}
