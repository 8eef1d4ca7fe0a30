//! Where cables really end: where the site says, unless a person plugged them elsewhere.

use std::collections::BTreeMap;

use dip_core::hardware::PowerState;
use dip_core::id::SwitchName;
use dip_core::site::PortRef;
use dip_network::provider::{LearnedMac, Neighbour};

use super::World;

/// The cables that do not end where the site says: the port of the site, and the real one.
#[derive(Debug, Default)]
pub(crate) struct Cables(BTreeMap<PortRef, PortRef>);

impl Cables {
    /// Where the cable ends that the site has in a port.
    pub(crate) fn end(&self, said: &PortRef) -> PortRef {
        self.0.get(said).unwrap_or(said).clone()
    }

    /// Lets the cables in two ports change places.
    pub(crate) fn swap(&mut self, first: &PortRef, second: &PortRef) {
        let said = |real: &PortRef| self.0.iter().find(|(_, end)| *end == real).map_or(real, |(said, _)| said).clone();
        let (one, other) = (said(first), said(second));
        self.0.insert(one, second.clone());
        self.0.insert(other, first.clone());
    }
}

impl World {
    /// Who is heard over LLDP at a switch: whoever was plugged in by hand, and the nodes that have power.
    pub(crate) fn neighbours(&self, switch: &SwitchName) -> Vec<Neighbour> {
        let mut heard = self.switch(switch, |ports| ports.heard.clone()).unwrap_or_default();
        heard.extend(self.ends_at(switch).into_iter().map(|end| Neighbour {
            local: end.port,
            system: Some(end.host_name),
            chassis: Some(end.mac.to_string()),
            port: Some(end.mac.to_string()),
            port_description: Some(end.nic),
        }));
        heard
    }

    /// The MAC addresses that a switch learned.
    pub(crate) fn learned(&self, switch: &SwitchName) -> Vec<LearnedMac> {
        let ends = self.ends_at(switch);
        let learned = self.switch(switch, |ports| {
            let vlan = |port: &str| ports.state(port).and_then(|state| state.vlan);
            let of_nodes =
                ends.into_iter().map(|end| LearnedMac { mac: end.mac, vlan: vlan(&end.port), port: end.port });
            ports.learned.iter().cloned().chain(of_nodes).collect()
        });
        learned.unwrap_or_default()
    }

    /// The interfaces of nodes with power whose cables end at a switch.
    fn ends_at(&self, switch: &SwitchName) -> Vec<End> {
        let mut ends = Vec::new();
        for node in self.site.nodes.keys() {
            if self.machine(node, |machine| machine.power()) != PowerState::On {
                continue;
            }
            let wiring = self.wiring(node);
            for wire in &wiring.wires {
                let (Some(mac), Some(said)) = (wire.mac, &wire.port) else { continue };
                let real = self.cables(|cables| cables.end(said));
                if real.switch == *switch {
                    let (nic, host_name) = (wire.nic.to_string(), wiring.host_name.clone());
                    ends.push(End { port: real.port, mac, nic, host_name });
                }
            }
        }
        ends
    }
}

struct End {
    port: String,
    mac: dip_core::hardware::MacAddr,
    nic: String,
    host_name: String,
}
