//! Networks, racks and nodes that a site takes from a CMDB: laid under what its files say, or over it where a key is preferred from there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::merge::inherit;
use super::report::{Raw, Report};
use super::source::{Format, Mark, Source};
use super::tree::{Data, Entry, Map, Style, Tree};
use super::{Network, Site, json};
use crate::provider::{StockItem, StockSection};

/// What a CMDB gave, each item with the source that faults show of it.
#[derive(Default)]
pub(crate) struct Stock {
    items: Vec<(StockItem, Tree)>,
}

impl Stock {
    /// Reads items into trees. Each is a source of its own, so that every value knows the record that it comes from.
    pub(crate) fn read(items: Vec<StockItem>, sources: &mut Vec<Source>, report: &mut Report<'_>) -> Self {
        let mut stock = Self::default();
        for item in items {
            let Ok(index) = u16::try_from(sources.len()) else {
                report.tell("records", Mark::start(0), || {
                    Raw::at(Mark::start(0), "the CMDB has more records than a site can take")
                        .advice("let `filter` of the service say which ones belong to this site")
                });
                return stock;
            };
            let text = serde_json::to_string_pretty(&item.says).expect("values serialise to JSON");
            let source = Source::new(&item.record, Format::Json, text);
            stock.items.extend(json::read(&source.text, index, report).map(|tree| (item, tree)));
            sources.push(source);
        }
        stock
    }

    /// Lays the items into the tree of a site whose ranges are made into nodes. What `removed` names stays out.
    pub(crate) fn lay(self, root: &mut Tree, removed: &BTreeSet<String>, report: &mut Report<'_>) {
        let Some(wish) = root.at("inventory").cloned() else { return };
        if self.items.is_empty() {
            report.tell("inventory", wish.mark, || {
                Raw::at(wish.mark, "the CMDB that the site takes its nodes from has none for it").advice(
                    "that is never taken for a site without nodes; look at `filter` of the service, and at what its user may see",
                )
            });
            return;
        }
        let prefer: Vec<&str> = wish.items("prefer").iter().filter_map(Tree::text).collect();
        // Networks come first, so that interfaces find theirs.
        let (of_networks, others): (Vec<_>, Vec<_>) =
            self.items.into_iter().partition(|(item, _)| item.section == StockSection::Networks);
        for (item, tree) in of_networks {
            lay_one(root, item, tree, &prefer, &[], removed);
        }
        let networks = networks(root);
        for (item, tree) in others {
            lay_one(root, item, tree, &prefer, &networks, removed);
        }
    }
}

/// Lays one item.
fn lay_one(
    root: &mut Tree,
    item: StockItem,
    mut tree: Tree,
    prefer: &[&str],
    networks: &[(IpNetwork, String)],
    removed: &BTreeSet<String>,
) {
    let section = item.section.as_str();
    if section == "nodes" && removed.contains(&item.name) {
        return;
    }
    let mark = tree.mark;
    let own = root.at(section).and_then(|section| section.at(&item.name)).cloned();
    let preferred: Vec<(String, Entry)> =
        prefer.iter().filter_map(|key| Some(((*key).to_owned(), tree.entry(key)?.clone()))).collect();
    if let Some(own) = &own {
        inherit(&mut tree, own);
    }
    // A CMDB knows where a BMC is, and not who may log in there: a site that says nothing of BMCs wants nothing of them.
    let without_bmc = item.section == StockSection::Nodes
        && own.as_ref().is_none_or(|own| own.at("bmc").is_none())
        && !profile_has_bmc(root, &tree);
    if let Data::Map(map) = &mut tree.data {
        for (key, entry) in preferred {
            match map.get_mut(&key) {
                Some(there) => inherit(&mut there.value, &entry.value),
                None => drop(map.insert(key, entry)),
            }
        }
        if without_bmc {
            map.remove("bmc");
        }
        map.get_mut("nics").into_iter().for_each(|nics| name_networks(&mut nics.value, networks));
    }
    put(root, section, &item.name, Entry { key: mark, value: tree });
}

/// Whether a profile of a node, or one that it inherits from, says anything of BMCs. A node without one may get any, by rules.
fn profile_has_bmc(root: &Tree, node: &Tree) -> bool {
    let Some(profiles) = root.at("profiles") else { return false };
    let mut open: Vec<&str> =
        node.at("profile").into_iter().chain(node.items("profiles")).filter_map(Tree::text).collect();
    if open.is_empty() {
        open = root.items("classify").iter().filter_map(|rule| rule.at("profile")?.text()).collect();
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(profile) = profiles.at(name).filter(|_| seen.insert(name)) else { continue };
        if profile.at("bmc").is_some() {
            return true;
        }
        open.extend(profile.items("inherits").iter().filter_map(Tree::text));
    }
    false
}

fn put(root: &mut Tree, section: &str, name: &str, entry: Entry) {
    let Data::Map(map) = &mut root.data else { return };
    let empty = || Entry { key: entry.key, value: Tree::new(entry.key, Data::Map(Map::new())) };
    let section = map.entry(section.to_owned()).or_insert_with(empty);
    if matches!(section.value.data, Data::Null) {
        section.value.data = Data::Map(Map::new());
    }
    if let Data::Map(things) = &mut section.value.data {
        // Where the file has it too, the file is what its name is told of.
        let key = things.get(name).map_or(entry.key, |there| there.key);
        things.insert(name.to_owned(), Entry { key, value: entry.value });
    }
}

/// The prefixes of the site's networks.
fn networks(root: &Tree) -> Vec<(IpNetwork, String)> {
    let of = |(name, entry): (&str, &Entry)| {
        let prefixes = entry.value.items("prefixes").iter();
        let parsed = prefixes.filter_map(|prefix| prefix.at("prefix")?.text()?.parse::<IpNetwork>().ok());
        parsed.map(|prefix| (prefix, name.to_owned())).collect::<Vec<_>>()
    };
    root.entries("networks").flat_map(of).collect()
}

/// A CMDB knows the address of an interface, and the site the network that the address is in.
fn name_networks(nics: &mut Tree, networks: &[(IpNetwork, String)]) {
    let Data::Map(nics) = &mut nics.data else { return };
    for nic in nics.values_mut() {
        if nic.value.at("network").is_some() {
            continue;
        }
        let single = nic.value.at("address").into_iter();
        let found = single.chain(nic.value.items("addresses")).find_map(|tree| {
            let address: IpAddr = tree.text()?.parse().ok()?;
            let (_, name) = networks.iter().find(|(prefix, _)| prefix.contains(address))?;
            Some((tree.mark, name.clone()))
        });
        if let (Some((mark, name)), Data::Map(map)) = (found, &mut nic.value.data) {
            let value = Tree::new(mark, Data::Scalar(name, Style::Quoted));
            map.insert("network".to_owned(), Entry { key: mark, value });
        }
    }
}

/// The names of nodes that the files of a site take out. One that is merely empty is there, and says nothing of itself.
pub(crate) fn removed(root: &Tree) -> BTreeSet<String> {
    let gone = root.entries("nodes").filter(|(_, entry)| matches!(entry.value.data, Data::Removed));
    gone.map(|(name, _)| name.to_owned()).collect()
}

/// What only the service needs that the site takes its nodes from; `None` where it takes none.
pub(crate) fn service_alone(root: &mut Tree) -> bool {
    let Some(service) = root.at("inventory").and_then(|wish| wish.at("service")?.text()).map(str::to_owned) else {
        return false;
    };
    let Data::Map(map) = &mut root.data else { return false };
    map.retain(|key, _| matches!(key.as_str(), "version" | "site" | "inventory" | "services" | "networks"));
    map.get_mut("networks").into_iter().for_each(|networks| prefixes_alone(&mut networks.value));
    if let Some(Entry { value: Tree { data: Data::Map(services), .. }, .. }) = map.get_mut("services") {
        services.retain(|name, _| *name == service);
    }
    true
}

/// Networks without all that refers to racks and nodes, which are not known yet.
fn prefixes_alone(networks: &mut Tree) {
    let keep = |tree: &mut Tree, key: &str| {
        if let Data::Map(map) = &mut tree.data {
            map.retain(|known, _| known == key);
        }
    };
    let Data::Map(networks) = &mut networks.data else { return };
    for network in networks.values_mut() {
        keep(&mut network.value, "prefixes");
        let Data::Map(map) = &mut network.value.data else { continue };
        if let Some(Entry { value: Tree { data: Data::List(prefixes), .. }, .. }) = map.get_mut("prefixes") {
            prefixes.iter_mut().for_each(|prefix| keep(prefix, "prefix"));
        }
    }
}

/// A site file that says what a CMDB gave to a site, for people who go on with a file. The networks of the site are named where
/// its interfaces have addresses in them.
///
/// Each item stands under the record that it comes from; what has no place in a site file stands there as a comment.
#[must_use]
pub fn stock_as_yaml(site: &Site, items: &[StockItem]) -> String {
    let mut text = format!("version: 1\nsite: {}\n", Value::from(site.name.as_str()));
    let mut section = None;
    for item in items {
        if section != Some(item.section) {
            section = Some(item.section);
            text.push_str(&format!("\n{}:\n", item.section.as_str()));
        }
        text.push_str(&format!("  # {}\n", comment(&item.record)));
        item.left_out.iter().for_each(|left| text.push_str(&format!("  # not taken: {}\n", comment(left))));
        if item.says.is_empty() {
            text.push_str(&format!("  {}: {{}}\n", key(&item.name)));
            continue;
        }
        text.push_str(&format!("  {}:\n", key(&item.name)));
        for (name, value) in &item.says {
            match value {
                Value::Object(things) if things.values().all(Value::is_object) && !things.is_empty() => {
                    text.push_str(&format!("    {}:\n", key(name)));
                    for (name, value) in things {
                        let value = with_network(site, value);
                        // JSON within YAML is YAML.
                        text.push_str(&format!("      {}: {value}\n", key(name)));
                    }
                }
                value => text.push_str(&format!("    {}: {value}\n", key(name))),
            }
        }
    }
    text
}

/// An interface with the network that its address is in.
fn with_network(site: &Site, nic: &Value) -> Value {
    let mut nic = nic.clone();
    let addresses = nic.get("addresses").and_then(Value::as_array).into_iter().flatten();
    let network = addresses.filter_map(|address| address.as_str()?.parse::<IpAddr>().ok()).find_map(|address| {
        let holds = |network: &&Network| network.prefixes.iter().any(|prefix| prefix.prefix.contains(address));
        site.networks.values().find(holds).map(|network| network.name.to_string())
    });
    if let (Some(network), Value::Object(nic)) = (network, &mut nic) {
        nic.entry("network").or_insert(Value::from(network));
    }
    nic
}

/// A comment ends with its line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A key as YAML writes it: plain where it is a plain word.
fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        // Words that some readers of YAML take for something else.
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&name.to_lowercase().as_str());
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}
