//! A thing of a site that can fail, and how a person names it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::id::{NetworkName, NodeName, PduName, RackName, ServiceName, SwitchName};
use crate::plan::render::fold_names;
use crate::site::{Origin, OutletRef, PortRef, Site, nearest};

/// A thing of a site that can fail, written `kind/name`: `switch/sw1`, `port/sw1/p7`, `outlet/pdu1/3`, `row/A`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A rack with all that stands in it.
    Rack(RackName),
    /// A row of racks.
    Row(String),
    /// A PDU with all its outlets.
    Pdu(PduName),
    /// One outlet.
    Outlet(OutletRef),
    /// A switch with all its ports.
    Switch(SwitchName),
    /// One port of a switch, or the cable in it.
    Port(PortRef),
    /// A network.
    Network(NetworkName),
    /// A node.
    Node(NodeName),
    /// A service that the site has.
    Service(ServiceName),
}

/// No thing of the site has that name, or several have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchThing {
    /// None has.
    #[error("nothing at this site is named `{wanted}`{}", .nearest.as_ref().map_or_else(
        || "; name a rack, row, PDU, outlet, switch, port, network, node or service, for example `switch/sw1`".to_owned(),
        |near| format!("; did you mean `{near}`?"),
    ))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// Several have.
    #[error("`{wanted}` names several things: {}; say which", .names.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// All that have it, with their kinds.
        names: Vec<String>,
    },
}

impl Thing {
    /// The thing of a site that a person means: `kind/name`, or the name alone where only one thing has it.
    ///
    /// # Errors
    /// Where none or several have that name; the error names the nearest, or all of them.
    pub fn find(site: &Site, wanted: &str) -> Result<Self, NoSuchThing> {
        let names = |thing: &Self| thing.to_string() == wanted || thing.name() == wanted;
        let mut found: Vec<Self> = named(site).into_iter().chain(outlet(site, wanted)).filter(names).collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => {
                let known = named(site).into_iter().flat_map(|thing| [thing.to_string(), thing.name()]);
                // A name of one letter is near to every other letter.
                let known: Vec<String> = known.filter(|name| name.len() > 1).collect();
                let nearest = nearest(wanted, known.iter().map(String::as_str)).map(str::to_owned);
                Err(NoSuchThing::Unknown { wanted: wanted.to_owned(), nearest })
            }
            _ => {
                let names = found.iter().map(|thing| format!("`{thing}`")).collect();
                Err(NoSuchThing::Ambiguous { wanted: wanted.to_owned(), names })
            }
        }
    }

    /// Its name without its kind.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Rack(name) => name.to_string(),
            Self::Row(name) => name.clone(),
            Self::Pdu(name) => name.to_string(),
            Self::Outlet(outlet) => outlet.to_string(),
            Self::Switch(name) => name.to_string(),
            Self::Port(port) => port.to_string(),
            Self::Network(name) => name.to_string(),
            Self::Node(name) => name.to_string(),
            Self::Service(name) => name.to_string(),
        }
    }

    /// What kind of thing it is, in a sentence.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Rack(_) => "rack",
            Self::Row(_) => "row",
            Self::Pdu(_) => "PDU",
            Self::Outlet(_) => "outlet",
            Self::Switch(_) => "switch",
            Self::Port(_) => "port",
            Self::Network(_) => "network",
            Self::Node(_) => "node",
            Self::Service(_) => "service",
        }
    }

    /// Where it stands in the site file; for a port or an outlet, that of the node which is on it.
    #[must_use]
    pub fn origin<'a>(&self, site: &'a Site) -> Option<&'a Origin> {
        match self {
            Self::Rack(name) => site.racks.get(name)?.origin.as_ref(),
            Self::Row(row) => site.racks.values().find(|rack| rack.row.as_ref() == Some(row))?.origin.as_ref(),
            Self::Pdu(name) => site.pdus.get(name)?.origin.as_ref(),
            Self::Outlet(outlet) => {
                let fed = site.nodes.values().find(|node| node.outlets.contains(outlet));
                fed.map_or_else(|| site.pdus.get(&outlet.pdu)?.origin.as_ref(), |node| node.origin.as_ref())
            }
            Self::Switch(name) => site.switches.get(name)?.origin.as_ref(),
            Self::Port(port) => {
                let mut nics = site.nodes.values().flat_map(|node| node.nics.values());
                let cabled = nics.find(|nic| nic.link.as_ref() == Some(port));
                cabled.map_or_else(|| site.switches.get(&port.switch)?.origin.as_ref(), |nic| nic.origin.as_ref())
            }
            Self::Network(name) => site.networks.get(name)?.origin.as_ref(),
            Self::Node(name) => site.nodes.get(name)?.origin.as_ref(),
            Self::Service(name) => site.services.get(name)?.driver.origin.as_ref(),
        }
    }
}

/// All that a site names, without the outlets: any number from one on names one of those.
fn named(site: &Site) -> Vec<Thing> {
    let rows: std::collections::BTreeSet<&String> = site.racks.values().filter_map(|rack| rack.row.as_ref()).collect();
    let listed = site.switches.values().flat_map(|switch| {
        let port = |port: &String| PortRef { switch: switch.name.clone(), port: port.clone() };
        switch.ports.iter().map(port)
    });
    let cabled = site.nodes.values().flat_map(|node| node.nics.values()).filter_map(|nic| nic.link.clone());
    let ports: std::collections::BTreeSet<PortRef> = listed.chain(cabled).collect();
    let mut things: Vec<Thing> = site.racks.keys().cloned().map(Thing::Rack).collect();
    things.extend(rows.into_iter().cloned().map(Thing::Row));
    things.extend(site.pdus.keys().cloned().map(Thing::Pdu));
    things.extend(site.switches.keys().cloned().map(Thing::Switch));
    things.extend(ports.into_iter().map(Thing::Port));
    things.extend(site.networks.keys().cloned().map(Thing::Network));
    things.extend(site.nodes.keys().cloned().map(Thing::Node));
    things.extend(site.services.keys().cloned().map(Thing::Service));
    things
}

fn outlet(site: &Site, wanted: &str) -> Option<Thing> {
    let outlet: OutletRef = wanted.strip_prefix("outlet/").unwrap_or(wanted).parse().ok()?;
    let pdu = site.pdus.get(&outlet.pdu)?;
    (outlet.outlet <= pdu.outlets).then_some(Thing::Outlet(outlet))
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.noun().to_lowercase(), self.name())
    }
}

impl Serialize for Thing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number with the word for what is counted: `1 node`, `3 nodes`.
pub(super) fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// Names in short, as the text of plans does it.
pub(super) fn fold<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<T> = names.into_iter().collect();
    fold_names(names.iter().map(AsRef::as_ref)).join(" ")
}

/// The places that several things have in the site file, each once: those of a range share one.
pub(super) fn places<'a>(origins: impl IntoIterator<Item = Option<&'a Origin>>) -> Vec<Origin> {
    let origins: std::collections::BTreeSet<&Origin> = origins.into_iter().flatten().collect();
    origins.into_iter().cloned().collect()
}

/// A value as a person writes it: texts without quotes, lists with commas.
pub(super) fn plain(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
