//! Whether a node can be reached: physical truth from the power plug to the address.

use dip_core::hardware::MacAddr;
use dip_core::id::NodeName;
use dip_core::site::PortRef;

use super::World;
use super::machine::Silence;
use super::wiring::Wire;

/// Why a node does not answer on its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreached {
    #[error("{0}")]
    Silent(Silence),
    #[error("switch port {0} is not in the VLAN of its network")]
    Vlan(PortRef),
    #[error("interface {0} has no address: no DHCP server keeps one for it")]
    NoAddress(String),
}

impl World {
    /// Whether the system of a node can be reached over its primary interface.
    pub(crate) fn reach(&self, node: &NodeName) -> Result<(), Unreached> {
        self.machine_at(node, |machine, now, _| machine.answers(now)).map_err(Unreached::Silent)?;
        let Some(wire) = self.wiring(node).primary() else { return Ok(()) };
        // A card that was exchanged has another address than the one that was cabled.
        let mac = self.machine(node, |machine| machine.parts.nics.get(&wire.nic).copied());
        self.carries(wire, mac.or(wire.mac))
    }

    fn carries(&self, wire: &Wire, mac: Option<MacAddr>) -> Result<(), Unreached> {
        if let (Some(port), Some(vlan)) = (&wire.port, wire.vlan) {
            let port = self.cables(|cables| cables.end(port));
            let is_in = self
                .switch(&port.switch, |ports| ports.state(&port.port).is_some_and(|state| state.vlan == Some(vlan)));
            if is_in == Some(false) {
                return Err(Unreached::Vlan(port));
            }
        }
        if let (Some(service), Some(mac), false) = (&wire.dhcp, mac, wire.addresses.is_empty()) {
            let kept = self.reservations(service, |reservations| {
                reservations.find(mac).is_some_and(|held| {
                    wire.addresses.iter().any(|address| held.reservation.addresses.contains(address))
                })
            });
            if kept == Some(false) {
                return Err(Unreached::NoAddress(wire.nic.to_string()));
            }
        }
        Ok(())
    }
}
