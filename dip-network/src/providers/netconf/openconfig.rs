//! What a switch says of its ports in the words of OpenConfig: `openconfig-interfaces`, `-if-ethernet`, `-if-aggregate`, `-vlan` and `-lacp`.
//!
//! These models have no place for a mark: it stands at the end of a port's description, where people see it too.

use dip_core::hardware::{MacAddr, Mtu, VlanId, VlanSet};
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::{AdminState, Lacp, Lag};

use super::xml::{Element, text};
use crate::provider::{LearnedMac, MlagPair, Neighbour, PortMode, PortState};

pub(super) const INTERFACES: &str = "http://openconfig.net/yang/interfaces";
pub(super) const ETHERNET: &str = "http://openconfig.net/yang/interfaces/ethernet";
pub(super) const AGGREGATE: &str = "http://openconfig.net/yang/interfaces/aggregate";
pub(super) const VLAN: &str = "http://openconfig.net/yang/vlan";
pub(super) const LACP: &str = "http://openconfig.net/yang/lacp";

/// The module without which nothing of this can be asked.
pub(super) const MODULE: &str = "openconfig-interfaces";
/// The module that says how the members of a link aggregation find each other.
pub(super) const LACP_MODULE: &str = "openconfig-lacp";
/// The module that says who is heard.
pub(super) const LLDP_MODULE: &str = "openconfig-lldp";
/// The module that says which MAC addresses were learned.
pub(super) const FDB_MODULE: &str = "openconfig-network-instance";

/// All that is configured of an interface.
pub(super) fn of_interface(name: &str) -> String {
    format!(r#"<interfaces xmlns="{INTERFACES}"><interface><name>{}</name></interface></interfaces>"#, text(&name))
}

/// How the members of a link aggregation find each other.
pub(super) fn of_lacp(name: &str) -> String {
    let name = text(&name);
    format!(r#"<lacp xmlns="{LACP}"><interfaces><interface><name>{name}</name></interface></interfaces></lacp>"#)
}

/// The link aggregation of every interface that is in one.
pub(super) fn of_members() -> String {
    format!(
        r#"<interfaces xmlns="{INTERFACES}"><interface><name/><ethernet xmlns="{ETHERNET}"><config><aggregate-id xmlns="{AGGREGATE}"/></config></ethernet></interface></interfaces>"#
    )
}

/// Who is heard at every interface.
pub(super) const OF_NEIGHBOURS: &str = r#"<lldp xmlns="http://openconfig.net/yang/lldp"><interfaces/></lldp>"#;

/// The MAC addresses that were learned.
pub(super) const OF_LEARNED: &str = r#"<network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance><name/><fdb/></network-instance></network-instances>"#;

/// The interface of a name in what a filter let through.
pub(super) fn interface<'a>(data: &'a Element, name: &str) -> Option<&'a Element> {
    data.child("interfaces")?.all("interface").find(|interface| interface.text_at(&["name"]) == Some(name))
}

/// The link aggregation that an interface is a member of.
pub(super) fn aggregation_of(interface: &Element) -> Option<&str> {
    interface.text_at(&["ethernet", "config", "aggregate-id"])
}

/// How many interfaces are members of a link aggregation.
pub(super) fn members(data: &Element, aggregation: &str) -> usize {
    let interfaces = data.child("interfaces").into_iter().flat_map(|all| all.all("interface"));
    interfaces.filter(|interface| aggregation_of(interface) == Some(aggregation)).count()
}

/// A link aggregation as its interface and LACP have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Aggregation {
    pub(super) name: String,
    /// `None` where there is none of that name.
    pub(super) interface: Option<Element>,
    /// What LACP says of it.
    pub(super) lacp: Element,
    pub(super) members: usize,
}

impl Aggregation {
    pub(super) fn owner(&self) -> Option<SiteName> {
        self.interface.as_ref().and_then(|interface| marked(interface).1)
    }

    pub(super) fn description(&self) -> Option<String> {
        self.interface.as_ref().and_then(|interface| marked(interface).0)
    }

    /// What is configured of its LACP under a name.
    fn lacp(&self, leaf: &str) -> Option<&str> {
        let mut interfaces = self.lacp.at(&["lacp", "interfaces"]).into_iter().flat_map(|all| all.all("interface"));
        let own = interfaces.find(|interface| interface.text_at(&["name"]) == Some(&self.name));
        own.and_then(|interface| interface.text_at(&["config", leaf]))
    }

    /// The switch that has its other half, where it tells LACP to be the pair's.
    pub(super) fn peer<'a>(&self, pair: Option<&'a MlagPair>) -> Option<&'a SwitchName> {
        let system = self.lacp("system-id-mac").and_then(|mac| mac.parse::<MacAddr>().ok());
        let priority = self.lacp("system-priority").and_then(|priority| priority.parse::<u16>().ok());
        let told = pair.filter(|pair| (system, priority) == (Some(pair.system()), Some(MlagPair::SYSTEM_PRIORITY)));
        told.map(MlagPair::peer)
    }

    fn lag(&self, pair: Option<&MlagPair>) -> Lag {
        let kind = self.interface.as_ref().and_then(|own| own.text_at(&["aggregation", "config", "lag-type"]));
        let mode = self.lacp("lacp-mode");
        let lacp = match (kind, mode) {
            (Some("STATIC"), _) => Lacp::Off,
            (_, Some("PASSIVE")) => Lacp::Passive,
            _ => Lacp::Active,
        };
        Lag { name: self.name.clone(), lacp, peer: self.peer(pair).cloned() }
    }
}

/// A port as its interface has it, and the link aggregation that it is in, perhaps on both switches of a pair.
pub(super) fn state(interface: &Element, aggregation: Option<&Aggregation>, pair: Option<&MlagPair>) -> PortState {
    let (description, owner) = marked(interface);
    let vlans = match aggregation {
        Some(aggregation) => aggregation.interface.as_ref().and_then(|own| own.at(&["aggregation", "switched-vlan"])),
        None => {
            interface.at(&["ethernet", "switched-vlan"]).or_else(|| interface.at(&["aggregation", "switched-vlan"]))
        }
    };
    let number = |of: &Element, name: &str| of.text_at(&["config", name])?.parse::<u16>().ok();
    let vlan = |name: &str| VlanId::try_from(number(vlans?, name)?).ok();
    let mode = vlans.and_then(|vlans| vlans.text_at(&["config", "interface-mode"]));
    let (mode, vlan) = match mode {
        Some("TRUNK") => (PortMode::Trunk, vlan("native-vlan")),
        _ => (PortMode::Access, vlan("access-vlan")),
    };
    let listed = vlans.and_then(|vlans| vlans.child("config")).into_iter().flat_map(|config| config.all("trunk-vlans"));
    let mut tagged: VlanSet =
        if mode == PortMode::Trunk { listed.flat_map(|item| range(&item.text)).collect() } else { VlanSet::default() };
    // A list of the native VLAN alone must not read as one that carries all.
    if let Some(vlan) = vlan.filter(|_| tagged.len() > 1) {
        tagged.remove(vlan);
    }
    PortState {
        mode,
        vlan,
        tagged,
        mtu: number(interface, "mtu").and_then(|bytes| Mtu::try_from(bytes).ok()),
        description,
        // The model's own default.
        admin: Some(match interface.text_at(&["config", "enabled"]) {
            Some("false") => AdminState::Down,
            _ => AdminState::Up,
        }),
        lag: aggregation.map(|aggregation| aggregation.lag(pair)),
        owner: owner.or_else(|| aggregation.and_then(Aggregation::owner)),
        ..PortState::default()
    }
}

/// `20`, or `20..29`; some switches write `20-29`.
fn range(text: &str) -> Vec<VlanId> {
    let (first, last) = text.split_once("..").or_else(|| text.split_once('-')).unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|number| *number <= 4094);
    let Some((first, last)) = number(first).zip(number(last)) else { return Vec::new() };
    (first..=last).filter_map(|number| VlanId::try_from(number).ok()).collect()
}

/// What a description begins with the mark of a site.
const MARK: &str = "[dip-site=";

/// The description of an interface without its mark, and the mark.
pub(super) fn marked(interface: &Element) -> (Option<String>, Option<SiteName>) {
    let whole = interface.text_at(&["config", "description"]).unwrap_or_default();
    let parsed = whole.strip_suffix(']').and_then(|rest| rest.rsplit_once(MARK));
    let parsed = parsed.and_then(|(said, site)| Some((said.trim_end(), SiteName::new(site).ok()?)));
    let (said, owner) = match parsed {
        Some((said, owner)) => (said, Some(owner)),
        None => (whole, None),
    };
    (Some(said.to_owned()).filter(|said| !said.is_empty()), owner)
}

/// A description with the mark of a site at its end.
pub(super) fn with_mark(said: Option<&str>, owner: Option<&SiteName>) -> String {
    match (said, owner) {
        (Some(said), Some(owner)) => format!("{said} {MARK}{owner}]"),
        (None, Some(owner)) => format!("{MARK}{owner}]"),
        (said, None) => said.unwrap_or_default().to_owned(),
    }
}

/// Who is heard at every interface.
pub(super) fn neighbours(data: &Element) -> Vec<Neighbour> {
    let interfaces = data.at(&["lldp", "interfaces"]).into_iter().flat_map(|all| all.all("interface"));
    let mut heard = Vec::new();
    for interface in interfaces {
        let Some(local) = interface.text_at(&["name"]) else { continue };
        let neighbours = interface.child("neighbors").into_iter().flat_map(|all| all.all("neighbor"));
        heard.extend(neighbours.map(|neighbour| {
            let told = |name: &str| neighbour.text_at(&["state", name]).map(str::to_owned);
            Neighbour {
                local: local.to_owned(),
                system: told("system-name"),
                chassis: told("chassis-id"),
                port: told("port-id"),
                port_description: told("port-description"),
            }
        }));
    }
    heard
}

/// The MAC addresses that were learned.
pub(super) fn learned(data: &Element) -> Vec<LearnedMac> {
    let instances = data.child("network-instances").into_iter().flat_map(|all| all.all("network-instance"));
    let entries = instances.filter_map(|instance| instance.at(&["fdb", "mac-table", "entries"]));
    let read = |entry: &Element| {
        let port = entry
            .text_at(&["interface", "interface-ref", "state", "interface"])
            .or_else(|| entry.text_at(&["interface", "interface-ref", "config", "interface"]))?;
        Some(LearnedMac {
            mac: entry.text_at(&["mac-address"])?.parse::<MacAddr>().ok()?,
            vlan: entry.text_at(&["vlan"]).and_then(|vlan| VlanId::try_from(vlan.parse::<u16>().ok()?).ok()),
            port: port.to_owned(),
        })
    };
    entries.flat_map(|entries| entries.all("entry")).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Element {
        Element::read(text.as_bytes()).expect("sound XML")
    }

    #[test]
    fn a_description_keeps_the_mark_at_its_end() {
        let with =
            |said: &str| read(&format!("<interface><config><description>{said}</description></config></interface>"));
        let lab = SiteName::new("lab").expect("a name");
        for (whole, said, owner) in [
            ("to n1 [dip-site=lab]", Some("to n1"), Some(&lab)),
            ("[dip-site=lab]", None, Some(&lab)),
            ("to n1", Some("to n1"), None),
            ("to n1 [dip-site=no name]", Some("to n1 [dip-site=no name]"), None),
            ("", None, None),
        ] {
            let marked = marked(&with(whole));
            assert_eq!((marked.0.as_deref(), marked.1.as_ref()), (said, owner), "{whole}");
            assert_eq!(with_mark(said, owner), whole);
        }
    }

    #[test]
    fn ranges_of_vlans_are_read_in_both_ways_that_switches_write_them() {
        let interface = read(
            "<interface><ethernet><switched-vlan><config><interface-mode>TRUNK</interface-mode><native-vlan>7</native-vlan>\
             <trunk-vlans>5</trunk-vlans><trunk-vlans>7..9</trunk-vlans><trunk-vlans>20-21</trunk-vlans>\
             <trunk-vlans>9..8</trunk-vlans><trunk-vlans>0..65535</trunk-vlans></config></switched-vlan></ethernet></interface>",
        );
        let state = state(&interface, None, None);
        assert_eq!((state.mode, state.vlan.map(VlanId::number)), (PortMode::Trunk, Some(7)));
        assert_eq!(state.tagged.to_string(), "5 8-9 20-21");
    }

    #[test]
    fn what_was_learned_and_heard_is_read() {
        let data = read(
            "<data><lldp><interfaces><interface><name>p7</name><neighbors><neighbor><id>1</id><state>\
             <system-name>n1</system-name><port-id>52:54:00:00:00:01</port-id></state></neighbor></neighbors></interface>\
             <interface/></interfaces></lldp><network-instances><network-instance><fdb><mac-table><entries><entry>\
             <mac-address>52:54:00:00:00:01</mac-address><vlan>20</vlan><interface><interface-ref><state>\
             <interface>p7</interface></state></interface-ref></interface></entry><entry/></entries></mac-table></fdb>\
             </network-instance></network-instances></data>",
        );
        let heard = neighbours(&data);
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].local.as_str(), heard[0].system.as_deref()), ("p7", Some("n1")));
        let learned = learned(&data);
        assert_eq!(learned.len(), 1);
        assert_eq!((learned[0].port.as_str(), learned[0].vlan.map(VlanId::number)), ("p7", Some(20)));
    }

    proptest! {
        #[test]
        fn no_tree_makes_it_panic(names in prop::collection::vec("(interfaces|interface|config|ethernet|switched-vlan|trunk-vlans|name|lldp|entry)", 0..12), said in "[0-9.\\-a ]{0,8}") {
            let open: String = names.iter().map(|name| format!("<{name}>")).collect();
            let close: String = names.iter().rev().map(|name| format!("</{name}>")).collect();
            let data = read(&format!("<data>{open}{said}{close}</data>"));
            let _ = (state(&data, None, None), neighbours(&data), learned(&data), members(&data, "a"), interface(&data, "a"));
        }
    }
}
