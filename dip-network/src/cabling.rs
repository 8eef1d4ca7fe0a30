//! Where a cable ends, judged by what is heard over LLDP. Only a contradiction counts: nothing heard is no evidence.

use dip_core::hardware::MacAddr;
use dip_core::id::{NicName, NodeName, SwitchName};
use dip_core::site::PortRef;

use crate::provider::Neighbour;

/// A cable as the site file has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cable<'a> {
    pub(crate) node: &'a NodeName,
    /// The node's fully qualified name.
    pub(crate) host_name: &'a str,
    pub(crate) nic: &'a NicName,
    pub(crate) mac: MacAddr,
    pub(crate) link: &'a PortRef,
}

/// What was heard of a cable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It ends where the site file says.
    AsSaid,
    /// Nothing that tells where it ends.
    Nothing,
    /// It ends elsewhere, as a sentence without its full stop.
    Otherwise(String),
}

impl Cable<'_> {
    /// What switches hear, each with its neighbours.
    pub(crate) fn heard_by_switches(&self, heard: &[(SwitchName, Neighbour)]) -> Heard {
        let here = |switch: &SwitchName, neighbour: &Neighbour| {
            *switch == self.link.switch && neighbour.local == self.link.port
        };
        if heard.iter().any(|(switch, neighbour)| here(switch, neighbour) && self.is_this_end(neighbour)) {
            return Heard::AsSaid;
        }
        if let Some((switch, neighbour)) = heard.iter().find(|(_, neighbour)| self.is_this_end(neighbour)) {
            return self.otherwise(&format!("{switch}/{}", neighbour.local));
        }
        let other = heard.iter().find(|(switch, neighbour)| here(switch, neighbour) && self.is_another(neighbour));
        match other.and_then(|(_, neighbour)| neighbour.system.as_ref()) {
            Some(system) => Heard::Otherwise(format!(
                "at {} there is {system}, the site says node {} {}",
                self.link, self.node, self.nic
            )),
            None => Heard::Nothing,
        }
    }

    /// What the interface itself hears.
    pub(crate) fn heard_by_node(&self, heard: &[Neighbour]) -> Heard {
        let named = |neighbour: &Neighbour| {
            let port = neighbour.port.as_ref().into_iter().chain(&neighbour.port_description);
            let system = neighbour.system.as_deref()?;
            let switch = system.split('.').next().unwrap_or(system);
            let same = system == self.link.switch.as_str() || switch == self.link.switch.as_str();
            let switch = if same { self.link.switch.as_str() } else { switch };
            let as_said = same && port.clone().any(|port| *port == self.link.port);
            Some((as_said, format!("{switch}/{}", port.clone().next()?)))
        };
        let told: Vec<_> = heard.iter().filter_map(named).collect();
        match told.first() {
            _ if told.iter().any(|(as_said, _)| *as_said) => Heard::AsSaid,
            Some((_, port)) => self.otherwise(port),
            None => Heard::Nothing,
        }
    }

    fn otherwise(&self, port: &str) -> Heard {
        Heard::Otherwise(format!("node {} {} is on {port}, the site says {}", self.node, self.nic, self.link))
    }

    /// The MAC address of its port tells an interface; a chassis has one for all of its ports.
    fn is_this_end(&self, neighbour: &Neighbour) -> bool {
        mac(neighbour) == Some(self.mac)
    }

    /// A bond lends one MAC address to several ports, and a system that is not yet installed has any name: who differs in both
    /// is somebody else.
    fn is_another(&self, neighbour: &Neighbour) -> bool {
        let name = |system: &str| {
            let short = system.split('.').next().unwrap_or(system);
            system == self.host_name || system == self.node.as_str() || short == self.node.as_str()
        };
        mac(neighbour).is_some_and(|mac| mac != self.mac)
            && neighbour.system.as_deref().is_some_and(|system| !name(system) && !is_anybodys(system))
    }
}

/// Names that systems have before they got one.
fn is_anybodys(system: &str) -> bool {
    const UNNAMED: [&str; 4] = ["(none)", "debian", "localhost", "ubuntu"];
    system.is_empty() || UNNAMED.contains(&system.split('.').next().unwrap_or(system))
}

fn mac(neighbour: &Neighbour) -> Option<MacAddr> {
    neighbour.port.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(heard: &[(&str, &str, &str, &str)]) -> Heard {
        let (node, nic) = (NodeName::new("r1-n3").expect("a name"), NicName::new("nic1").expect("a name"));
        let link = "sw2/8".parse().expect("a port");
        let mac = "52:54:00:00:00:03".parse().expect("a MAC address");
        let cable = Cable { node: &node, host_name: "r1-n3.lab.example", nic: &nic, mac, link: &link };
        let heard: Vec<_> = heard
            .iter()
            .map(|(switch, local, system, port)| {
                let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
                let (local, system, port) = ((*local).to_owned(), text(system), text(port));
                (SwitchName::new(switch).expect("a name"), Neighbour { local, system, port, ..Neighbour::default() })
            })
            .collect();
        cable.heard_by_switches(&heard)
    }

    const OURS: &str = "52:54:00:00:00:03";
    const OTHER: &str = "52:54:00:00:00:04";

    #[test]
    fn a_cable_in_another_port_is_told_with_both_ends() {
        let told = "node r1-n3 nic1 is on sw2/7, the site says sw2/8";
        assert_eq!(trace(&[("sw2", "7", "r1-n3", OURS)]), Heard::Otherwise(told.to_owned()));
        let told = "node r1-n3 nic1 is on sw1/8, the site says sw2/8";
        assert_eq!(trace(&[("sw2", "8", "r1-n4", OTHER), ("sw1", "8", "", OURS)]), Heard::Otherwise(told.to_owned()));
    }

    #[test]
    fn another_node_in_the_port_is_told_by_its_name() {
        let told = "at sw2/8 there is r1-n4.lab.example, the site says node r1-n3 nic1";
        assert_eq!(trace(&[("sw2", "8", "r1-n4.lab.example", OTHER)]), Heard::Otherwise(told.to_owned()));
    }

    #[test]
    fn what_proves_nothing_is_no_fault() {
        assert_eq!(trace(&[]), Heard::Nothing);
        assert_eq!(trace(&[("sw2", "8", "r1-n4", "eth0")]), Heard::Nothing, "a port without a MAC address");
        assert_eq!(trace(&[("sw2", "8", "localhost", OTHER)]), Heard::Nothing, "a system without a name");
        assert_eq!(
            trace(&[("sw2", "8", "r1-n3.lab.example", OTHER)]),
            Heard::Nothing,
            "another MAC address of its bond"
        );
        assert_eq!(trace(&[("sw2", "8", "r1-n3", OURS)]), Heard::AsSaid);
    }

    fn by_node(system: &str, port: &str, description: &str) -> Heard {
        let (node, nic) = (NodeName::new("r1-n3").expect("a name"), NicName::new("nic1").expect("a name"));
        let link = "sw2/8".parse().expect("a port");
        let mac = OURS.parse().expect("a MAC address");
        let cable = Cable { node: &node, host_name: "r1-n3", nic: &nic, mac, link: &link };
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        cable.heard_by_node(&[Neighbour {
            local: "eth0".to_owned(),
            system: text(system),
            chassis: None,
            port: text(port),
            port_description: text(description),
        }])
    }

    #[test]
    fn a_node_hears_the_name_of_its_switch_and_port() {
        assert_eq!(by_node("sw2.lab.example", "8", ""), Heard::AsSaid);
        assert_eq!(by_node("sw2", "52:54:00:00:00:99", "8"), Heard::AsSaid);
        assert_eq!(by_node("", "8", ""), Heard::Nothing);
        let told = "node r1-n3 nic1 is on sw2/7, the site says sw2/8";
        assert_eq!(by_node("sw2", "7", ""), Heard::Otherwise(told.to_owned()));
    }
}
