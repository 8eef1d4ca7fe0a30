//! Ports in the words of OpenConfig: `openconfig-interfaces`, `-if-ethernet`, `-if-aggregate`, `-vlan` and `-lacp`.
//!
//! These models have no place for a mark: it stands at the end of a port's description, where people see it too.

use std::fmt::Write;

use dip_core::hardware::{MacAddr, Mtu, VlanId, VlanSet};
use dip_core::id::SiteName;
use dip_core::site::{AdminState, Lacp, Lag, Port, PortVlans};

use super::xml::{Element, text};
use crate::provider::{LearnedMac, Neighbour, PortMode, PortState};

const INTERFACES: &str = "http://openconfig.net/yang/interfaces";
const ETHERNET: &str = "http://openconfig.net/yang/interfaces/ethernet";
const AGGREGATE: &str = "http://openconfig.net/yang/interfaces/aggregate";
const VLAN: &str = "http://openconfig.net/yang/vlan";
const LACP: &str = "http://openconfig.net/yang/lacp";

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

    fn description(&self) -> Option<String> {
        self.interface.as_ref().and_then(|interface| marked(interface).0)
    }

    fn lag(&self) -> Lag {
        let kind = self.interface.as_ref().and_then(|own| own.text_at(&["aggregation", "config", "lag-type"]));
        let interfaces = self.lacp.at(&["lacp", "interfaces"]).into_iter().flat_map(|all| all.all("interface"));
        let mut own = interfaces.filter(|interface| interface.text_at(&["name"]) == Some(&self.name));
        let mode = own.next().and_then(|interface| interface.text_at(&["config", "lacp-mode"]));
        let lacp = match (kind, mode) {
            (Some("STATIC"), _) => Lacp::Off,
            (_, Some("PASSIVE")) => Lacp::Passive,
            _ => Lacp::Active,
        };
        Lag { name: self.name.clone(), lacp, peer: None }
    }
}

/// A port as its interface has it, and the link aggregation that it is in.
pub(super) fn state(interface: &Element, aggregation: Option<&Aggregation>) -> PortState {
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
        lag: aggregation.map(Aggregation::lag),
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
fn marked(interface: &Element) -> (Option<String>, Option<SiteName>) {
    let whole = interface.text_at(&["config", "description"]).unwrap_or_default();
    let parsed = whole.strip_suffix(']').and_then(|rest| rest.rsplit_once(MARK));
    let parsed = parsed.and_then(|(said, site)| Some((said.trim_end(), SiteName::new(site).ok()?)));
    let (said, owner) = match parsed {
        Some((said, owner)) => (said, Some(owner)),
        None => (whole, None),
    };
    (Some(said.to_owned()).filter(|said| !said.is_empty()), owner)
}

fn with_mark(said: Option<&str>, owner: Option<&SiteName>) -> String {
    match (said, owner) {
        (Some(said), Some(owner)) => format!("{said} {MARK}{owner}]"),
        (None, Some(owner)) => format!("{MARK}{owner}]"),
        (said, None) => said.unwrap_or_default().to_owned(),
    }
}

/// A change of a port, as what it is now and will be.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) port: &'a str,
    pub(super) now: &'a PortState,
    pub(super) wanted: &'a Port,
    pub(super) owner: &'a SiteName,
    /// The link aggregation that the port is in now.
    pub(super) leaves: Option<&'a Aggregation>,
    /// The one that it is to be in, as it is now.
    pub(super) joins: Option<&'a Aggregation>,
    /// Whether the switch knows `openconfig-lacp`.
    pub(super) lacp: bool,
}

impl Change<'_> {
    /// What is to be edited.
    pub(super) fn edit(&self) -> String {
        let mut interfaces = String::new();
        let mut lacp = String::new();
        let stays = self.wanted.lag.as_ref().map(|lag| lag.name.as_str());
        if let Some(leaves) = self.leaves.filter(|leaves| Some(leaves.name.as_str()) != stays) {
            // One that somebody else made stays, even without members.
            if leaves.members <= 1 && leaves.owner().as_ref() == Some(self.owner) {
                let name = text(&leaves.name);
                let _ = write!(interfaces, r#"<interface nc:operation="remove"><name>{name}</name></interface>"#);
                let _ = write!(lacp, r#"<interface nc:operation="remove"><name>{name}</name></interface>"#);
            }
        }
        if let (Some(lag), Some(joins)) = (&self.wanted.lag, self.joins) {
            self.aggregation(lag, joins, &mut interfaces, &mut lacp);
        }
        self.port(&mut interfaces);
        let mut edit = format!(r#"<interfaces xmlns="{INTERFACES}">{interfaces}</interfaces>"#);
        if self.lacp && !lacp.is_empty() {
            let _ = write!(edit, r#"<lacp xmlns="{LACP}"><interfaces>{lacp}</interfaces></lacp>"#);
        }
        edit
    }

    fn port(&self, out: &mut String) {
        let name = text(&self.port);
        let said = self.wanted.description.as_deref().or(self.now.description.as_deref());
        let _ = write!(out, "<interface><name>{name}</name><config><name>{name}</name>");
        if let Some(mtu) = self.wanted.mtu {
            let _ = write!(out, "<mtu>{mtu}</mtu>");
        }
        let _ = write!(out, "<description>{}</description>", text(&with_mark(said, Some(self.owner))));
        if let Some(admin) = self.wanted.admin {
            let _ = write!(out, "<enabled>{}</enabled>", admin == AdminState::Up);
        }
        let _ = write!(out, r#"</config><ethernet xmlns="{ETHERNET}">"#);
        match &self.wanted.lag {
            Some(lag) => {
                let lag = text(&lag.name);
                let _ = write!(out, r#"<config><aggregate-id xmlns="{AGGREGATE}">{lag}</aggregate-id></config>"#);
                let _ = write!(out, r#"<switched-vlan xmlns="{VLAN}" nc:operation="remove"/>"#);
            }
            None => {
                if self.leaves.is_some() {
                    let _ =
                        write!(out, r#"<config><aggregate-id xmlns="{AGGREGATE}" nc:operation="remove"/></config>"#);
                }
                self.vlans(out);
            }
        }
        out.push_str("</ethernet></interface>");
    }

    fn aggregation(&self, lag: &Lag, joins: &Aggregation, interfaces: &mut String, lacp: &mut String) {
        let name = text(&lag.name);
        let said = with_mark(joins.description().as_deref(), Some(self.owner));
        let _ = write!(
            interfaces,
            r#"<interface><name>{name}</name><config><name>{name}</name><type xmlns:ianaift="urn:ietf:params:xml:ns:yang:iana-if-type">ianaift:ieee8023adLag</type><description>{}</description></config><aggregation xmlns="{AGGREGATE}"><config><lag-type>{}</lag-type></config>"#,
            text(&said),
            if lag.lacp == Lacp::Off { "STATIC" } else { "LACP" }
        );
        // One that has members carries what they agreed on, unless the wish says otherwise.
        if self.wanted.vlans.is_some() || joins.interface.is_none() {
            self.vlans(interfaces);
        }
        interfaces.push_str("</aggregation></interface>");
        let mode = match lag.lacp {
            Lacp::Active => "ACTIVE",
            Lacp::Passive => "PASSIVE",
            Lacp::Off => return,
        };
        let _ = write!(
            lacp,
            "<interface><name>{name}</name><config><name>{name}</name><lacp-mode>{mode}</lacp-mode></config></interface>"
        );
    }

    /// The VLANs that are wanted; where nothing is said of them, those that the port has, which it takes along. They take the place
    /// of all that was there: a port must not carry what nobody asked for.
    fn vlans(&self, out: &mut String) {
        let kept = || match (self.now.mode, self.now.vlan) {
            (PortMode::Access, Some(vlan)) => Some(PortVlans::Access(vlan)),
            (PortMode::Trunk, native) => {
                Some(PortVlans::Trunk { native: native.map(Into::into), tagged: self.now.tagged.clone() })
            }
            _ => None,
        };
        let moves = self.leaves.is_some() || self.joins.is_some();
        let Some(vlans) = self.wanted.vlans.clone().or_else(|| kept().filter(|_| moves)) else { return };
        let _ = write!(out, r#"<switched-vlan xmlns="{VLAN}" nc:operation="replace"><config>"#);
        match vlans {
            PortVlans::Access(vlan) => {
                let _ = write!(out, "<interface-mode>ACCESS</interface-mode><access-vlan>{vlan}</access-vlan>");
            }
            PortVlans::Trunk { native, tagged } => {
                out.push_str("<interface-mode>TRUNK</interface-mode>");
                if let Some(native) = native {
                    let _ = write!(out, "<native-vlan>{}</native-vlan>", native.vlan);
                }
                for vlan in tagged.iter() {
                    let _ = write!(out, "<trunk-vlans>{vlan}</trunk-vlans>");
                }
            }
        }
        out.push_str("</config></switched-vlan>");
    }
}

/// Takes the marks off interfaces, each with its description as it stays.
pub(super) fn unmark<'a>(interfaces: impl Iterator<Item = (&'a str, &'a Element)>) -> String {
    let mut edit = format!(r#"<interfaces xmlns="{INTERFACES}">"#);
    for (name, interface) in interfaces {
        let name = text(&name);
        let _ = match marked(interface).0 {
            Some(said) => write!(
                edit,
                "<interface><name>{name}</name><config><description>{}</description></config></interface>",
                text(&said)
            ),
            None => write!(
                edit,
                r#"<interface><name>{name}</name><config><description nc:operation="remove"/></config></interface>"#
            ),
        };
    }
    edit.push_str("</interfaces>");
    edit
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
        let state = state(&interface, None);
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
            let _ = (state(&data, None), neighbours(&data), learned(&data), members(&data, "a"), interface(&data, "a"));
        }
    }
}
