//! Resolves nodes: settings merged from profiles, and hardware that no two nodes claim.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::Hash;
use std::net::IpAddr;

use serde_json::{Map as Object, Value};

use super::check::{Checker, Place};
use super::fault::nearest;
use super::machine::{bmc, disks};
use super::manifest::{Manifest, awaited_node};
use super::merge::inherit;
use super::network::Placed;
use super::profiles::Profiles;
use super::report::{Raw, Report};
use super::root::Root;
use super::section::{parse, section};
use super::shape::SettingsSchema;
use super::source::Mark;
use super::tree::{Data, Entry, Map, Tree};
use super::{
    Chosen, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Origin, OutletRef, PortRef, Site, parsed,
};
use crate::hardware::{Duid, MacAddr};
use crate::id::{LayerId, NetworkName, NicName, NodeName, ProfileName, RackName};

/// Reads the nodes of a site.
pub(crate) struct Nodes<'s> {
    site: &'s Site,
    networks: &'s BTreeMap<NetworkName, Placed>,
    profiles: Profiles,
    duids: HashMap<Duid, String>,
    macs: HashMap<MacAddr, String>,
    ports: HashMap<PortRef, String>,
    outlets: HashMap<OutletRef, String>,
    serials: HashMap<String, String>,
    addresses: HashMap<(NetworkName, IpAddr), String>,
    manifest: &'s mut Manifest,
    /// The profiles that were chosen for nodes that name none.
    chosen: &'s BTreeMap<NodeName, ProfileName>,
}

impl<'s> Nodes<'s> {
    /// Nodes of a site whose racks, switches and PDUs are known.
    pub(crate) fn new(
        site: &'s Site,
        networks: &'s BTreeMap<NetworkName, Placed>,
        profiles: Profiles,
        manifest: &'s mut Manifest,
        chosen: &'s BTreeMap<NodeName, ProfileName>,
    ) -> Self {
        Self {
            site,
            networks,
            profiles,
            duids: HashMap::new(),
            macs: HashMap::new(),
            ports: HashMap::new(),
            outlets: HashMap::new(),
            serials: HashMap::new(),
            addresses: HashMap::new(),
            manifest,
            chosen,
        }
    }

    /// All nodes.
    pub(crate) fn read(
        mut self,
        root: &Tree,
        shape: &Root,
        settings: &SettingsSchema,
        checker: &mut Checker<'_, '_>,
    ) -> BTreeMap<NodeName, Node> {
        let found = section::<NodeName>(root, "nodes", checker.report);
        let read = |(name, key, entry)| (NodeName::clone(&name), self.node(name, key, entry, shape, settings, checker));
        found.into_iter().map(read).collect()
    }

    fn node(
        &mut self,
        name: NodeName,
        key: &str,
        entry: &Entry,
        shape: &Root,
        settings: &SettingsSchema,
        checker: &mut Checker<'_, '_>,
    ) -> Node {
        let row = self.manifest.of(&name, &entry.value, checker.report);
        let (profiles, mut tree) = self.with_profiles(&name, &entry.value, row.as_ref(), checker.report);
        let awaited = self.manifest.awaits(&mut tree);
        let place = Place { key, mark: entry.key };
        let mut object = checker.object(&tree, &shape.node, place).unwrap_or_default();
        let report = &mut *checker.report;
        let state = object.remove("state").and_then(|state| serde_json::from_value(state).ok()).unwrap_or_default();
        let state = if awaited && state == NodeState::Ready { awaited_node(key, &tree, entry, report) } else { state };
        // What an absent node had may have gone to another one.
        let claims = state != NodeState::Absent;
        let rack = parse(&tree, "rack");
        let serial: Option<String> = tree.at("serial").and_then(Tree::text).map(str::to_owned);
        if let (Some(serial), Some(tree), true) = (&serial, tree.at("serial"), claims) {
            claim(&mut self.serials, serial.clone(), key, tree.mark, "serial number", report);
        }
        let bmc = tree.entry("bmc").and_then(|entry| bmc(&name, &object, entry, report));
        let nics = self.nics(&tree, key, rack.as_ref(), claims, report);
        let outlets = self.outlets(&tree, key, claims, report);
        let disks = disks(&tree, report);
        let settings = self.settings(&tree, &mut object, settings, report);
        let origin = Some(entry.key.origin(report.sources()));
        Node { name, state, rack, profiles, serial, bmc, nics, outlets, disks, settings, origin }
    }

    /// The node's tree with its profiles under it.
    fn with_profiles<'t>(
        &mut self,
        node: &NodeName,
        tree: &'t Tree,
        row: Option<&Tree>,
        report: &mut Report<'_>,
    ) -> (Vec<ProfileName>, Cow<'t, Tree>) {
        if let (Some(_), Some(entry)) = (tree.at("profile"), tree.entry("profiles")) {
            report.tell("profiles", entry.key, || {
                Raw::at(entry.key, "a node has `profile` or `profiles`, not both")
                    .advice("put all into `profiles`, the nearest first")
            });
        }
        let one = tree.at("profile").into_iter();
        let names: Vec<&str> = one.chain(tree.items("profiles")).filter_map(Tree::text).collect();
        // A profile that is gone from the site file is chosen anew by whoever classifies.
        let chosen = self.chosen.get(node).filter(|name| names.is_empty() && self.site_has(name));
        let names: Vec<&str> = names.into_iter().chain(chosen.map(ProfileName::as_str)).collect();
        if names.is_empty() && row.is_none() {
            return (Vec::new(), Cow::Borrowed(tree));
        }
        let (profiles, mut merged) = if names.is_empty() {
            (Vec::new(), Tree::new(tree.mark, Data::Map(Map::new())))
        } else {
            let inherited = self.profiles.inherited(&names);
            (inherited.profiles.clone(), inherited.tree.clone())
        };
        // What was sent says more than a profile, and less than the node itself.
        row.into_iter().for_each(|row| inherit(&mut merged, row));
        inherit(&mut merged, tree);
        (profiles, Cow::Owned(merged))
    }

    fn site_has(&self, profile: &ProfileName) -> bool {
        self.site.profiles.contains_key(profile)
    }

    fn nics(
        &mut self,
        tree: &Tree,
        node: &str,
        rack: Option<&RackName>,
        claims: bool,
        report: &mut Report<'_>,
    ) -> BTreeMap<NicName, Nic> {
        let mut nics = BTreeMap::new();
        let mut primary: Option<NicName> = None;
        for (key, entry) in tree.entries("nics") {
            let name = match NicName::new(key) {
                Ok(name) => name,
                Err(error) => {
                    report.tell("name", entry.key, || Raw::at(entry.key, error.to_string()));
                    continue;
                }
            };
            let nic = self.nic(name.clone(), node, entry, rack, claims, report);
            if nic.role == NicRole::Primary
                && let Some(other) = primary.replace(name.clone())
            {
                report.tell("primary", entry.key, || {
                    Raw::at(entry.key, format!("`{other}` and `{name}` of node `{node}` are both primary"))
                        .advice("a node is known by the addresses of one interface")
                });
            }
            nics.insert(name, nic);
        }
        nics
    }

    fn nic(
        &mut self,
        name: NicName,
        node: &str,
        entry: &Entry,
        rack: Option<&RackName>,
        claims: bool,
        report: &mut Report<'_>,
    ) -> Nic {
        let tree = &entry.value;
        let who = format!("{node}/{name}");
        let mac = parse(tree, "mac");
        let link: Option<PortRef> = parse(tree, "link");
        if tree.at("mac").is_none() && tree.at("link").is_none() {
            report.tell("identity", entry.key, || {
                let message = format!("nothing tells the interface `{name}` of node `{node}` from others");
                let raw = Raw::at(entry.key, message);
                if tree.at("pci").is_some() {
                    raw.advice("add its `mac`: two ports of one card may share a PCI address")
                } else {
                    raw.advice("add its `mac`, or the switch port that it is cabled to as `link`")
                }
            });
        }
        if let (Some(mac), Some(tree), true) = (mac, tree.at("mac"), claims) {
            claim(&mut self.macs, mac, &who, tree.mark, "MAC address", report);
        }
        let duid: Option<Duid> = parse(tree, "duid");
        if let (Some(duid), Some(given)) = (&duid, tree.at("duid")) {
            if tree.at("mac").is_none() {
                report.tell("identity", given.mark, || {
                    let message = format!("the interface `{name}` of node `{node}` has a `duid` and no `mac`");
                    Raw::at(given.mark, message)
                        .advice("add its `mac`: a DUID tells machines apart, and not their interfaces")
                });
            }
            // All interfaces of one machine may ask by one DUID.
            if claims && self.duids.get(duid).is_none_or(|other| other != node) {
                claim(&mut self.duids, duid.clone(), node, given.mark, "DUID", report);
            }
        }
        if let (Some(link), Some(tree), true) = (&link, tree.at("link"), claims) {
            claim(&mut self.ports, link.clone(), &who, tree.mark, "switch port", report);
            self.listed(link, tree.mark, report);
        }
        let network: Option<NetworkName> = parse(tree, "network");
        let role = match tree.at("primary").and_then(Tree::text) {
            Some("true") => NicRole::Primary,
            _ => NicRole::Other,
        };
        let addresses = self.addresses(tree, &who, network.as_ref(), rack, claims, report);
        let origin = Some(entry.key.origin(report.sources()));
        Nic { name, role, mac, duid, pci: parse(tree, "pci"), link, network, addresses, origin }
    }

    /// The addresses that the site file gives.
    fn addresses(
        &mut self,
        tree: &Tree,
        who: &str,
        network: Option<&NetworkName>,
        rack: Option<&RackName>,
        claims: bool,
        report: &mut Report<'_>,
    ) -> Vec<NicAddress> {
        if let (Some(_), Some(entry)) = (tree.at("address"), tree.entry("addresses")) {
            report.tell("addresses", entry.key, || {
                Raw::at(entry.key, "an interface has `address` or `addresses`, not both")
                    .advice("put all into `addresses`")
            });
        }
        let mut addresses = Vec::new();
        for item in tree.at("address").into_iter().chain(tree.items("addresses")) {
            let Some(address) = item.text().and_then(|text| parsed::address(text).ok()) else { continue };
            let Some(name) = network else {
                if tree.at("network").is_none() {
                    report.tell("no network", item.mark, || {
                        Raw::at(item.mark, format!("the address of {who} is in no network"))
                            .advice("add the key `network` to the interface")
                    });
                }
                continue;
            };
            let Some(placed) = self.networks.get(name) else { continue };
            let Some((_, prefix)) = placed.usable(rack).find(|(_, prefix)| prefix.prefix.contains(address)) else {
                report.tell("outside", item.mark, || outside(address, name, placed, rack, item.mark));
                continue;
            };
            if prefix.router == Some(address) {
                report.tell("router", item.mark, || {
                    Raw::at(item.mark, format!("{address} is the router of {}", prefix.prefix))
                        .advice("give the interface another address")
                });
            }
            if claims {
                // Networks that never meet may use the same addresses.
                claim(&mut self.addresses, (name.clone(), address), who, item.mark, "address", report);
            }
            let (prefix, router) = (prefix.prefix, prefix.router);
            addresses.push(NicAddress { address, prefix, router, chosen: Chosen::Site });
        }
        addresses
    }

    /// A link goes to a port that its switch lists, where it lists any.
    fn listed(&self, link: &PortRef, mark: Mark, report: &mut Report<'_>) {
        let Some(switch) = self.site.switches.get(&link.switch) else { return };
        if !switch.ports.is_empty() && !switch.ports.contains(&link.port) {
            report.tell("port", mark, || {
                let raw = Raw::at(mark, format!("the switch `{}` lists no port `{}`", link.switch, link.port));
                match nearest(&link.port, switch.ports.iter().map(String::as_str)) {
                    Some(near) => raw.label(format!("did you mean `{}/{near}`?", link.switch)),
                    None => raw.advice("add the port to `ports` of the switch"),
                }
            });
        }
    }

    fn outlets(&mut self, tree: &Tree, node: &str, claims: bool, report: &mut Report<'_>) -> Vec<OutletRef> {
        let mut outlets = Vec::new();
        for item in tree.items("outlets") {
            let Some(outlet) = item.text().and_then(|text| text.parse::<OutletRef>().ok()) else { continue };
            let Some(pdu) = self.site.pdus.get(&outlet.pdu) else { continue };
            if outlet.outlet > pdu.outlets {
                report.tell("outlet", item.mark, || {
                    Raw::at(
                        item.mark,
                        format!("the PDU `{}` has {} outlets, and this is {}", pdu.name, pdu.outlets, outlet),
                    )
                });
            }
            if claims {
                claim(&mut self.outlets, outlet.clone(), node, item.mark, "outlet", report);
            }
            outlets.push(outlet);
        }
        outlets
    }

    /// The settings of the layers, with the origin of each value.
    fn settings(
        &self,
        tree: &Tree,
        object: &mut Object<String, Value>,
        schema: &SettingsSchema,
        report: &Report<'_>,
    ) -> NodeSettings {
        let mut settings = NodeSettings::default();
        for layer in schema.node.keys() {
            let Some(value) = object.remove(layer.as_str()) else { continue };
            settings.layers.insert(*layer, value);
            if let Some(entry) = tree.entry(layer.as_str()) {
                self.origins(*layer, entry, report, &mut settings.origins);
            }
        }
        settings
    }

    fn origins(&self, layer: LayerId, entry: &Entry, report: &Report<'_>, origins: &mut BTreeMap<String, Origin>) {
        let mut open = vec![(layer.as_str().to_owned(), entry.key, &entry.value)];
        while let Some((path, key, tree)) = open.pop() {
            if let Data::Map(map) = &tree.data {
                open.extend(map.iter().map(|(key, entry)| (format!("{path}.{key}"), entry.key, &entry.value)));
            }
            // A map stands where its key stands; all else where its value does.
            let mark = if tree.map().is_some() { key } else { tree.mark };
            let profile = tree.profile.and_then(|index| self.profiles.names.get(usize::from(index)));
            origins.insert(path, Origin { profile: profile.cloned(), ..mark.origin(report.sources()) });
        }
    }
}

fn claim<K: Hash + Eq>(
    claims: &mut HashMap<K, String>,
    what: K,
    who: &str,
    mark: Mark,
    noun: &'static str,
    report: &mut Report<'_>,
) {
    match claims.entry(what) {
        std::collections::hash_map::Entry::Vacant(free) => {
            free.insert(who.to_owned());
        }
        std::collections::hash_map::Entry::Occupied(other) => {
            report.tell(noun, mark, || {
                Raw::at(mark, format!("{} and {who} have the same {noun}", other.get()))
                    .advice(format!("each {noun} belongs to one; look which of the two is mistyped"))
            });
        }
    }
}

fn outside(address: IpAddr, name: &NetworkName, placed: &Placed, rack: Option<&RackName>, mark: Mark) -> Raw {
    let shown = |display: &dyn Display| display.to_string();
    let usable: Vec<_> = placed.usable(rack).map(|(_, prefix)| shown(&prefix.prefix)).collect();
    let place = rack.map_or_else(|| "outside all racks".to_owned(), |rack| format!("in rack `{rack}`"));
    let raw = Raw::at(mark, format!("{address} is in no prefix that the network `{name}` has {place}"));
    match usable.as_slice() {
        [] => raw.advice(format!("`{name}` has no prefix {place}")),
        some if some.len() <= 8 => raw.advice(format!("it has {} there", some.join(", "))),
        some => raw.advice(format!("it has {} and {} more there", some[..8].join(", "), some.len() - 8)),
    }
}
