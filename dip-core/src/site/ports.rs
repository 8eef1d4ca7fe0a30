//! Resolves what interfaces say of their switch ports: VLANs by network or number, and link aggregations whose members agree.

use std::collections::BTreeMap;

use super::fault::nearest;
use super::network::Placed;
use super::report::{Raw, Report};
use super::section::parse;
use super::source::Mark;
use super::tree::{Entry, Tree};
use super::{AdminState, Lacp, Lag, Native, NativeFrames, Nic, NodeState, Port, PortRef, PortVlans, Safety, Site};
use crate::hardware::{Mtu, VlanId, VlanSet};
use crate::id::{NetworkName, NodeName, SwitchName};

/// The ports of which the interfaces of a site's nodes say something.
pub(crate) fn read(
    root: &Tree,
    site: &Site,
    networks: &BTreeMap<NetworkName, Placed>,
    report: &mut Report<'_>,
) -> BTreeMap<PortRef, Port> {
    let mut reader = Reader { site, networks, report, lags: BTreeMap::new() };
    let mut ports = BTreeMap::new();
    for (key, entry) in root.entries("nodes") {
        let Some(node) = key.parse::<NodeName>().ok().and_then(|name| site.nodes.get(&name)) else { continue };
        for (key, entry) in entry.value.entries("nics") {
            let Some(nic) = node.nics.values().find(|nic| nic.name.as_str() == key) else { continue };
            let Some(said) = entry.value.entry("port") else { continue };
            let Some(port) = reader.port(&node.name, nic, said) else { continue };
            let Some(link) = &nic.link else { continue };
            // What an absent node had may have gone to another one.
            if node.state == NodeState::Absent {
                ports.entry(link.clone()).or_insert(port);
            } else {
                reader.member(&node.name, link, &port, said);
                ports.insert(link.clone(), port);
            }
        }
    }
    reader.pairs(&mut ports);
    ports
}

struct Reader<'a, 'r, 's> {
    site: &'a Site,
    networks: &'a BTreeMap<NetworkName, Placed>,
    report: &'r mut Report<'s>,
    /// The link aggregations with their first member: whose it is, and what it says.
    lags: BTreeMap<(SwitchName, String), (NodeName, PortRef, Port)>,
}

impl Reader<'_, '_, '_> {
    fn port(&mut self, node: &NodeName, nic: &Nic, said: &Entry) -> Option<Port> {
        let tree = &said.value;
        tree.map()?;
        let Some(link) = &nic.link else {
            self.tell("port", said.key, format!("the interface `{}` of node `{node}` has no `link`", nic.name), || {
                "say to which switch port it is cabled, or take `port` out".to_owned()
            });
            return None;
        };
        if self.site.switches.get(&link.switch).is_some_and(|switch| switch.driver.is_none()) {
            let message = format!("the switch `{}` has no `kind`, so dip never touches this port", link.switch);
            self.report.warn(Raw::at(said.key, message));
        }
        let description: Option<String> = parse(tree, "description");
        if let (Some(text), Some(at)) = (&description, tree.at("description"))
            && text.chars().any(char::is_control)
        {
            self.tell("description", at.mark, "a port's description is one line".to_owned(), || {
                "take line breaks and tabs out".to_owned()
            });
        }
        Some(Port {
            vlans: self.vlans(nic, tree),
            mtu: parse::<u16>(tree, "mtu").and_then(|bytes| Mtu::try_from(bytes).ok()),
            description,
            admin: parse::<bool>(tree, "enabled").map(|on| if on { AdminState::Up } else { AdminState::Down }),
            lag: self.lag(tree),
            safety: if parse(tree, "confirm") == Some(true) { Safety::Confirmed } else { Safety::Plain },
        })
    }

    /// The VLANs: what the port says, completed by the network of the interface.
    fn vlans(&mut self, nic: &Nic, tree: &Tree) -> Option<PortVlans> {
        let own = nic.network.as_ref().and_then(|network| self.networks.get(network)?.network.vlan);
        let trunk = match tree.at("mode").and_then(Tree::text) {
            Some(mode) => mode == "trunk",
            None => tree.at("tagged").is_some(),
        };
        if !trunk {
            for key in ["tagged", "native", "native_frames"] {
                let Some(entry) = tree.entry(key) else { continue };
                self.tell("access", entry.key, format!("an access port has no `{key}`"), || {
                    "say `mode: trunk`, or take the key out".to_owned()
                });
            }
            return own.map(PortVlans::Access);
        }
        let native = match tree.at("native").and_then(|at| Some((at.mark, at.text()?))) {
            None => own,
            Some((_, "none")) => None,
            Some((mark, text)) => self.listed(text, mark)?.iter().next(),
        };
        let frames = match tree.at("native_frames").and_then(Tree::text) {
            Some("tagged") => NativeFrames::Tagged,
            _ => NativeFrames::Untagged,
        };
        if let (None, Some(entry)) = (native, tree.entry("native_frames")) {
            self.tell("native", entry.key, "the port has no native VLAN".to_owned(), || {
                "say `native`, or take `native_frames` out".to_owned()
            });
        }
        let mut tagged = VlanSet::default();
        for item in tree.items("tagged") {
            let Some(text) = item.text() else { continue };
            for vlan in self.listed(text, item.mark)?.iter() {
                if Some(vlan) == native {
                    self.tell("native", item.mark, format!("VLAN {vlan} is the native VLAN of this port"), || {
                        "a VLAN is tagged or native on a port; `native: none` leaves the port without a native one"
                            .to_owned()
                    });
                }
                tagged.insert(vlan);
            }
        }
        if tagged.is_empty() {
            // A trunk without a list carries every VLAN on most switches: nobody shall get that by leaving a key out.
            let mark = tree.entry("tagged").or_else(|| tree.entry("mode")).map_or(tree.mark, |entry| entry.key);
            self.tell("trunk", mark, "a trunk needs at least one VLAN in `tagged`".to_owned(), || {
                "list the networks or VLANs that it carries: `tagged: [storage, 300]`".to_owned()
            });
            return None;
        }
        Some(PortVlans::Trunk { native: native.map(|vlan| Native { vlan, frames }), tagged })
    }

    /// The VLANs that one word means: a network's, a number, or the numbers of a range.
    fn listed(&mut self, text: &str, mark: Mark) -> Option<VlanSet> {
        if let Some((name, placed)) = self.networks.iter().find(|(name, _)| name.as_str() == text) {
            if placed.network.vlan.is_none() {
                self.tell("vlan", mark, format!("the network `{name}` has no VLAN"), || {
                    format!("give it one: `networks: {{{name}: {{vlan: ...}}}}`")
                });
            }
            return placed.network.vlan.map(|vlan| VlanSet::from_iter([vlan]));
        }
        let number = |text: &str| VlanId::try_from(text.parse::<u16>().ok()?).ok();
        let range = match text.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)).filter(|(first, last)| first <= last),
            None => number(text).map(|vlan| (vlan, vlan)),
        };
        let Some((first, last)) = range else {
            let near = nearest(text, self.networks.keys().map(NetworkName::as_str)).map(str::to_owned);
            self.tell("vlan", mark, format!("`{text}` is neither a network nor a VLAN"), || match near {
                Some(near) => format!("did you mean the network `{near}`?"),
                None => "write a network's name, a number from 1 to 4094, or a range: `310-319`".to_owned(),
            });
            return None;
        };
        Some((first.number()..=last.number()).filter_map(|number| VlanId::try_from(number).ok()).collect())
    }

    fn lag(&mut self, tree: &Tree) -> Option<Lag> {
        let lacp = tree.at("lacp").and_then(Tree::text);
        let Some(name) = parse::<String>(tree, "lag") else {
            if let Some(entry) = tree.entry("lacp") {
                self.tell("lag", entry.key, "`lacp` says how members of a `lag` find each other".to_owned(), || {
                    "name the link aggregation: `lag: Port-Channel7`".to_owned()
                });
            }
            return None;
        };
        let lacp = Lacp::ALL.into_iter().find(|known| Some(known.as_str()) == lacp).unwrap_or_default();
        Some(Lag { name, lacp, peer: None })
    }

    /// A link aggregation ends at one node, and its members say the same.
    fn member(&mut self, node: &NodeName, link: &PortRef, port: &Port, said: &Entry) {
        let Some(lag) = &port.lag else { return };
        let key = (link.switch.clone(), lag.name.clone());
        let Some((other, first, known)) = self.lags.get(&key).cloned() else {
            self.lags.insert(key, (node.clone(), link.clone(), port.clone()));
            return;
        };
        let mark = said.value.at("lag").map_or(said.key, |tree| tree.mark);
        if other != *node {
            let message =
                format!("`{}` of switch `{}` ends at node `{other}` and at node `{node}`", lag.name, link.switch);
            self.tell("lag", mark, message, || "a link aggregation ends at one node; give each its own".to_owned());
            return;
        }
        let differs = [
            ("VLANs", known.vlans != port.vlans),
            ("MTU", known.mtu != port.mtu),
            ("LACP", known.lag.as_ref().map(|lag| lag.lacp) != Some(lag.lacp)),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let message = format!("{first} and {link} are members of `{}` and differ in their {what}", lag.name);
            self.tell("lag", mark, message, || "the members of a link aggregation say the same".to_owned());
        }
    }

    /// A link aggregation that a node has on both switches of an MLAG pair is one.
    fn pairs(&self, ports: &mut BTreeMap<PortRef, Port>) {
        for (link, port) in ports.iter_mut() {
            let Some(lag) = &mut port.lag else { continue };
            let Some((node, ..)) = self.lags.get(&(link.switch.clone(), lag.name.clone())) else { continue };
            let peer = self.site.switches.get(&link.switch).and_then(|switch| switch.peer.clone());
            lag.peer = peer.filter(|peer| {
                self.lags.get(&(peer.clone(), lag.name.clone())).is_some_and(|(other, ..)| other == node)
            });
        }
    }

    fn tell(&mut self, kind: &'static str, mark: Mark, message: String, advice: impl FnOnce() -> String) {
        self.report.tell(kind, mark, || Raw::at(mark, message).advice(advice()));
    }
}
