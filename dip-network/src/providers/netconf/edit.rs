//! What is edited to make a port as wanted, in the words of OpenConfig.

use std::fmt::Write;

use dip_core::id::SiteName;
use dip_core::site::{AdminState, Lacp, Lag, Port, PortVlans};

use super::openconfig::{AGGREGATE, Aggregation, ETHERNET, INTERFACES, LACP, VLAN, marked, with_mark};
use super::xml::{Element, text};
use crate::provider::{MlagPair, PortMode, PortState};

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
    /// The MLAG pair that the switch is of.
    pub(super) pair: Option<&'a MlagPair>,
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
        let _ = write!(lacp, "<interface><name>{name}</name><config><name>{name}</name><lacp-mode>{mode}</lacp-mode>");
        match (self.pair, &lag.peer) {
            (Some(pair), Some(_)) => {
                let system = pair.system();
                let _ = write!(lacp, "<system-id-mac>{system}</system-id-mac>");
                let _ = write!(lacp, "<system-priority>{}</system-priority>", MlagPair::SYSTEM_PRIORITY);
            }
            (Some(pair), None) if joins.peer(Some(pair)).is_some() => {
                for leaf in ["system-id-mac", "system-priority"] {
                    let _ = write!(lacp, r#"<{leaf} nc:operation="remove"/>"#);
                }
            }
            _ => {}
        }
        lacp.push_str("</config></interface>");
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

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::VlanId;

    fn read(text: &str) -> Element {
        Element::read(text.as_bytes()).expect("sound XML")
    }

    #[test]
    fn an_edit_replaces_vlans_whole_and_escapes_what_people_wrote() {
        let owner = SiteName::new("lab").expect("a name");
        let description = Some("<n1> & \"rack\"".to_owned());
        let wanted = Port { description, ..Port::access(VlanId::try_from(20).expect("a VLAN id")) };
        let now = PortState::default();
        let change = Change {
            port: "et/0/1&",
            now: &now,
            wanted: &wanted,
            owner: &owner,
            leaves: None,
            joins: None,
            lacp: true,
            pair: None,
        };
        let edit = read(&format!("<config xmlns:nc=\"urn:nc\">{}</config>", change.edit()));
        let interface = edit.at(&["interfaces", "interface"]).expect("one interface");
        assert_eq!(interface.text_at(&["name"]), Some("et/0/1&"));
        assert_eq!(interface.text_at(&["config", "description"]), Some("<n1> & \"rack\" [dip-site=lab]"));
        let vlans = interface.at(&["ethernet", "switched-vlan"]).expect("its VLANs");
        assert_eq!(vlans.attributes, [("operation".to_owned(), "replace".to_owned())]);
        assert_eq!(vlans.text_at(&["config", "access-vlan"]), Some("20"));
        assert!(edit.child("lacp").is_none(), "nothing is said of an aggregation");
    }

    #[test]
    fn only_an_aggregation_of_our_own_goes_with_its_last_member() {
        let owner = SiteName::new("lab").expect("a name");
        let wanted = Port::access(VlanId::try_from(20).expect("a VLAN id"));
        for (mark, members, gone) in [(" [dip-site=lab]", 1, true), (" [dip-site=lab]", 2, false), ("", 1, false)] {
            let interface = format!("<interface><config><description>po{mark}</description></config></interface>");
            let own = Aggregation {
                name: "po1".to_owned(),
                interface: Some(read(&interface)),
                lacp: Element::default(),
                members,
            };
            let now = PortState::default();
            let leaves = Some(&own);
            let change = Change {
                port: "p1",
                now: &now,
                wanted: &wanted,
                owner: &owner,
                leaves,
                joins: None,
                lacp: true,
                pair: None,
            };
            let edit = change.edit();
            assert_eq!(edit.contains(r#"<interface nc:operation="remove"><name>po1</name>"#), gone, "{edit}");
            assert!(edit.contains(
                r#"aggregate-id xmlns="http://openconfig.net/yang/interfaces/aggregate" nc:operation="remove""#
            ));
        }
    }
}
