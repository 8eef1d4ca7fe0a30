//! What the unit tests of this layer share: nodes made in code.

use std::collections::BTreeMap;

use dip_core::id::{LayerId, NodeName, SiteName};
use dip_core::site::{Node, NodeSettings, NodeState, Site};
use serde_json::Value;

pub(crate) fn node_name() -> NodeName {
    NodeName::new("n1").expect("a name")
}

pub(crate) fn node(name: &str, os: Option<Value>) -> Node {
    Node {
        name: NodeName::new(name).expect("a name"),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: BTreeMap::new(),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings {
            layers: os.map(|os| (LayerId::Os, os)).into_iter().collect(),
            origins: BTreeMap::new(),
        },
        origin: None,
    }
}

pub(crate) fn site(nodes: impl IntoIterator<Item = Node>) -> Site {
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.nodes = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
    site
}
