//! What layer 1 (shared infrastructure) promises to the others.

use std::net::IpAddr;

use super::Fact;
use crate::hardware::VlanId;

/// The access VLAN of a switch port (`port/<switch>/<port>`), as the switch itself tells it.
pub const PORT_VLAN: Fact<VlanId> = Fact::new("network.port_vlan");

/// The addresses that the site's DHCP server keeps for an interface (`nic/<node>/<nic>`).
pub const RESERVATION: Fact<Vec<IpAddr>> = Fact::new("network.reservation");
