//! What layer 1 (shared infrastructure) promises to the others.

use std::net::IpAddr;

use super::{Fact, FactKey};
use crate::site::{Node, PortRef, PortVlans};
use crate::subject::Subject;

/// The VLANs of a switch port (`port/<switch>/<port>`), as the switch itself tells them.
pub const PORT_VLAN: Fact<PortVlans> = Fact::new("network.port_vlan");

/// Where an interface (`nic/<node>/<nic>`) is cabled to, as LLDP tells it; `None` where nobody has heard of it yet.
pub const CABLE: Fact<Option<PortRef>> = Fact::new("network.cable");

/// The startup configuration of a switch (`switch/<switch>`) is what it runs.
pub const SAVED: Fact<()> = Fact::new("network.saved");

/// The addresses that the site's DHCP server keeps for an interface (`nic/<node>/<nic>`).
pub const RESERVATION: Fact<Vec<IpAddr>> = Fact::new("network.reservation");

/// The addresses of an interface (`nic/<node>/<nic>`) that are reserved for it where the site's addresses are kept.
pub const TAKEN: Fact<Vec<IpAddr>> = Fact::new("network.taken_addresses");

/// What the first packets of a node rely on: its ports in their VLANs, its addresses in the DHCP server.
pub fn cabling(node: &Node) -> impl Iterator<Item = FactKey> {
    let ports = node.nics.values().filter_map(|nic| nic.link.as_ref());
    let ports = ports.map(|port| PORT_VLAN.of(&Subject::port(&port.switch, &port.port)));
    let reservations = node.nics.values().map(|nic| RESERVATION.of(&Subject::nic(&node.name, &nic.name)));
    ports.chain(reservations)
}
