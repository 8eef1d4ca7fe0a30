//! What layer 1 (shared infrastructure) promises to the others.

use std::net::IpAddr;

use super::Fact;
use crate::site::{PortRef, PortVlans};

/// The VLANs of a switch port (`port/<switch>/<port>`), as the switch itself tells them.
pub const PORT_VLAN: Fact<PortVlans> = Fact::new("network.port_vlan");

/// Where an interface (`nic/<node>/<nic>`) is cabled to, as LLDP tells it; `None` where nobody has heard of it yet.
pub const CABLE: Fact<Option<PortRef>> = Fact::new("network.cable");

/// The startup configuration of a switch (`switch/<switch>`) is what it runs.
pub const SAVED: Fact<()> = Fact::new("network.saved");

/// The addresses that the site's DHCP server keeps for an interface (`nic/<node>/<nic>`).
pub const RESERVATION: Fact<Vec<IpAddr>> = Fact::new("network.reservation");
