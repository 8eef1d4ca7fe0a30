//! Outliers: which node differs from its like ones, and in what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::impact::wrapped_places;
use super::thing::{fold, places};
use crate::id::{NicName, NodeName, ProfileName, StepId};
use crate::observed::Survey;
use crate::operation::Check;
use crate::plan::Draft;
use crate::plan::render::{replace_word, wrap};
use crate::site::{Node, Origin, Site};
use crate::subject::Subject;

/// How many nodes are needed before any of them can be the odd one out: of two, nobody knows which.
const FEWEST: usize = 3;

/// Nodes that differ from their like ones in one thing, and all in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlier {
    /// The nodes.
    pub nodes: Vec<NodeName>,
    /// In what they are like the others: `profile storage`, `member of store`.
    pub alike: String,
    /// How many others there are that agree.
    pub others: usize,
    /// What differs: `os.sysctl.vm.swappiness`, `firmware.identity model`.
    pub what: String,
    /// Whether the site file says so, or it was seen.
    pub source: OutlierSource,
    /// What they have; `None` where they have nothing.
    pub value: Option<String>,
    /// What the others have; `None` where they have nothing.
    pub usual: Option<String>,
    /// Where the site file says so, for what it says.
    pub origins: Vec<Origin>,
}

/// Where a difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierSource {
    /// In what the site wants.
    Wanted,
    /// In what was seen.
    Seen,
}

/// What a node has, by what it is.
type Traits = BTreeMap<(OutlierSource, String), String>;

/// The nodes that differ from most of those that are like them: of the same profiles, or of the same role in a cluster.
///
/// A group needs three members and a value that more than half of them share: what differs in each node anyway, such as an
/// address, is no difference. What could not be seen of a node is none either.
#[must_use]
pub fn outliers(draft: &Draft, survey: &Survey) -> Vec<Outlier> {
    let site = draft.site();
    let seen = seen(site, draft, survey);
    let traits: BTreeMap<&NodeName, Traits> = site
        .ready_nodes()
        .map(|node| {
            let mut traits = wanted(node);
            traits.extend(seen.get(&node.name).into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
            (&node.name, traits)
        })
        .collect();
    let mut told: BTreeSet<(NodeName, (OutlierSource, String))> = BTreeSet::new();
    groups(site).iter().flat_map(|(alike, nodes)| odd_ones(site, alike, nodes, &traits, &mut told)).collect()
}

/// The groups of like nodes, by what makes them alike; those of profiles first.
fn groups(site: &Site) -> Vec<(String, Vec<&Node>)> {
    let mut by_profiles: BTreeMap<&[ProfileName], Vec<&Node>> = BTreeMap::new();
    for node in site.ready_nodes() {
        by_profiles.entry(&node.profiles).or_default().push(node);
    }
    let words = |profiles: &[ProfileName]| match profiles {
        [] => "no profile".to_owned(),
        [one] => format!("profile {one}"),
        [first, ..] => format!("profile {first} and what it inherits"),
    };
    let mut groups: Vec<_> = by_profiles.into_iter().map(|(profiles, nodes)| (words(profiles), nodes)).collect();
    for cluster in site.clusters.values() {
        for (role, members) in &cluster.members {
            let members: BTreeSet<&NodeName> = members.iter().collect();
            let ready = site.ready_nodes().filter(|node| members.contains(&node.name)).collect();
            groups.push((format!("{role} of {}", cluster.name), ready));
        }
    }
    groups.retain(|(_, nodes)| nodes.len() >= FEWEST);
    groups
}

fn odd_ones(
    site: &Site,
    alike: &str,
    nodes: &[&Node],
    traits: &BTreeMap<&NodeName, Traits>,
    told: &mut BTreeSet<(NodeName, (OutlierSource, String))>,
) -> Vec<Outlier> {
    let of = |node: &Node| &traits[&node.name];
    let whats: BTreeSet<&(OutlierSource, String)> = nodes.iter().flat_map(|node| of(node).keys()).collect();
    let mut outliers = Vec::new();
    for what in whats {
        let mut values: BTreeMap<Option<&String>, Vec<&Node>> = BTreeMap::new();
        for node in nodes {
            let value = of(node).get(what);
            // What the site does not want of a node is known; what was not seen of it is not.
            if value.is_some() || what.0 == OutlierSource::Wanted {
                values.entry(value).or_default().push(node);
            }
        }
        let known: usize = values.values().map(Vec::len).sum();
        let Some((&usual, others)) = values.iter().find(|(_, nodes)| nodes.len() * 2 > known && known >= FEWEST) else {
            continue;
        };
        for (&value, odd) in values.iter().filter(|(value, _)| **value != usual) {
            let odd: Vec<&Node> =
                odd.iter().copied().filter(|node| told.insert((node.name.clone(), what.clone()))).collect();
            if odd.is_empty() {
                continue;
            }
            let origin = |node: &Node| match what.0 {
                OutlierSource::Wanted => origin(site, node, &what.1),
                OutlierSource::Seen => None,
            };
            outliers.push(Outlier {
                nodes: odd.iter().map(|node| node.name.clone()).collect(),
                alike: alike.to_owned(),
                others: others.len(),
                what: what.1.clone(),
                source: what.0,
                value: value.cloned(),
                usual: usual.cloned(),
                origins: places(odd.iter().map(|node| origin(node)).collect::<Vec<_>>().iter().map(Option::as_ref)),
            });
        }
    }
    outliers
}

/// The place of a setting, else of the node.
fn origin(site: &Site, node: &Node, what: &str) -> Option<Origin> {
    let node = site.nodes.get(&node.name)?;
    node.settings.origin(what).or(node.origin.as_ref()).cloned()
}

/// What the site wants of a node, beside what is its own by nature: addresses, serial numbers, cables.
fn wanted(node: &Node) -> Traits {
    let mut traits = Traits::new();
    let mut add = |what: String, value: String| drop(traits.insert((OutlierSource::Wanted, what), value));
    let links = node.nics.values().filter(|nic| nic.link.is_some()).count();
    add("number of network interfaces".to_owned(), node.nics.len().to_string());
    add("number of links".to_owned(), links.to_string());
    add("number of disks".to_owned(), node.disks.len().to_string());
    add("number of outlets".to_owned(), node.outlets.len().to_string());
    let protocols = node.bmc.iter().flat_map(|bmc| &bmc.protocols).map(|protocol| protocol.kind.as_str());
    add(
        "BMC protocols".to_owned(),
        Some(protocols.collect::<Vec<_>>().join(", "))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "none".to_owned()),
    );
    for nic in node.nics.values() {
        if let Some(network) = &nic.network {
            add(format!("network of {}", nic.name), network.to_string());
        }
    }
    for (layer, value) in &node.settings.layers {
        for (path, leaf) in leaves(layer.as_str(), value) {
            add(path, replace_word(&leaf, node.name.as_str(), "<node>"));
        }
    }
    traits
}

/// What was seen of each node: whether each step about it holds or how it differs, and the facts about it.
fn seen(site: &Site, draft: &Draft, survey: &Survey) -> BTreeMap<NodeName, Traits> {
    let owners = Owners::of(site);
    let mut seen: BTreeMap<NodeName, Traits> = BTreeMap::new();
    for (index, step) in draft.steps().iter().enumerate() {
        let Some((node, about)) = owners.of_subject(&step.subject) else { continue };
        let value = match survey.check(StepId::at(index)) {
            Check::Holds(_) => "as wanted".to_owned(),
            Check::Differs(diff) => replace_word(&diff.to_string(), node.as_str(), "<node>"),
            Check::Unknown(_) => continue,
        };
        let boot = step.boot.as_ref().map_or_else(String::new, |boot| format!(" in boot {}", boot.ordinal));
        // What stands behind the subject tells several steps of one operation on it apart.
        let rest = step.name.as_str().split(' ').skip(2).map(|word| format!(" {word}")).collect::<String>();
        let what = format!("{}{about}{rest}{boot}", step.call.operation());
        seen.entry(node.clone()).or_default().insert((OutlierSource::Seen, what), value);
    }
    for (key, value) in survey.facts() {
        let Some((node, about)) = owners.of_subject(key.subject()) else { continue };
        for (path, leaf) in leaves("", value) {
            let field = path.strip_prefix('.').map_or_else(String::new, |path| format!(" {path}"));
            let what = format!("{}{about}{field}", key.name());
            let leaf = replace_word(&leaf, node.as_str(), "<node>");
            seen.entry(node.clone()).or_default().insert((OutlierSource::Seen, what), leaf);
        }
    }
    seen
}

/// Which node a subject belongs to.
struct Owners<'a> {
    site: &'a Site,
    ports: HashMap<String, (&'a NodeName, &'a NicName)>,
}

impl<'a> Owners<'a> {
    fn of(site: &'a Site) -> Self {
        let mut ports = HashMap::new();
        for node in site.ready_nodes() {
            for nic in node.nics.values() {
                if let Some(link) = &nic.link {
                    ports.insert(link.to_string(), (&node.name, &nic.name));
                }
            }
        }
        Self { site, ports }
    }

    /// The node, and what of it the subject is: nothing for the node itself, ` of eth0` for an interface or its port.
    fn of_subject(&self, subject: &Subject) -> Option<(&'a NodeName, String)> {
        let node = |name: &str| self.site.nodes.get_key_value(name).map(|(name, _)| name);
        match subject.kind() {
            "port" => {
                let (node, nic) = self.ports.get(subject.name())?;
                Some((node, format!(" of the port of {nic}")))
            }
            "member" => {
                let (cluster, name) = subject.name().split_once('/')?;
                Some((node(name)?, format!(" of {cluster}")))
            }
            _ => {
                let (name, part) = subject.name().split_once('/').unwrap_or((subject.name(), ""));
                let about = if part.is_empty() { String::new() } else { format!(" of {part}") };
                Some((node(name)?, about))
            }
        }
    }
}

/// The values in a value, each with its path. A list is one value: where one has more in it, the whole differs.
fn leaves(path: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| leaves(&format!("{path}.{key}"), value)).collect(),
        Value::Null => Vec::new(),
        _ => vec![(path.to_owned(), super::thing::plain(value))],
    }
}

impl fmt::Display for Outlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, them) = if self.nodes.len() == 1 { ("differs", "it") } else { ("differ", "them") };
        let value =
            |value: &Option<String>| value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"));
        let have = if self.others == 1 { "has" } else { "have" };
        let names = fold(self.nodes.iter().map(NodeName::as_str));
        let words = format!(
            "{names} {verb} from {} like {them} ({}): {} {} where {} {have} {}",
            self.others,
            self.alike,
            self.what,
            value(&self.value),
            self.others,
            value(&self.usual),
        );
        f.write_str(&wrap("", &words, 2))?;
        f.write_str(&wrapped_places(&self.origins, 2))
    }
}
