//! Which node a step belongs to: what it erases, removes or boots is counted and consented to by node.

use std::collections::HashMap;

use crate::id::{NodeName, Symbol};
use crate::site::Site;
use crate::step::{Place, Step};
use crate::subject::Subject;

/// Finds the node of a step.
#[derive(Debug)]
pub(super) struct Belonging<'a> {
    site: &'a Site,
    /// The node behind each switch port, by the port's subject.
    ports: HashMap<String, &'a NodeName>,
}

impl<'a> Belonging<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        let mut ports = HashMap::new();
        for node in site.nodes.values() {
            for link in node.nics.values().filter_map(|nic| nic.link.as_ref()) {
                ports.insert(format!("{}/{}", link.switch, link.port), &node.name);
            }
        }
        Self { site, ports }
    }

    /// The node that a step runs on, or whose part its subject is; `None` for what belongs to no node.
    pub(super) fn node_of(&self, step: &Step) -> Option<NodeName> {
        match &step.place {
            Place::In(node, _) => Some(node.clone()),
            Place::Anywhere => self.owner(&step.subject),
        }
    }

    /// What a step is about, as people count: its node, else its subject.
    pub(super) fn thing(&self, step: &Step) -> Subject {
        self.owner(&step.subject).map_or_else(|| step.subject.clone(), |node| Subject::new(Symbol::of("node"), &node))
    }

    fn owner(&self, subject: &Subject) -> Option<NodeName> {
        match subject.kind() {
            "node" => NodeName::new(subject.name()).ok(),
            "port" => self.ports.get(subject.name()).map(|node| (*node).clone()),
            _ => {
                let mut parts = subject.name().split('/').filter_map(|part| self.site.nodes.get_key_value(part));
                parts.next().map(|(name, _)| name.clone())
            }
        }
    }
}
