//! The whole site.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Claims, Cluster, Conduct, Network, Node, NodeState, Pdu, Port, PortRef, Profile, Rack, Service, Switch};
use crate::id::{
    ClusterName, NetworkName, NodeName, PduName, ProfileName, RackName, ServiceName, SiteName, SwitchName,
};
use crate::identity::{Fingerprint, Rule};

/// All that is wanted of one site. Every name in it resolves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// The site's name: the owner mark of the records that dip writes into other people's servers.
    pub name: SiteName,
    /// The DNS domain of its nodes.
    pub domain: Option<String>,
    /// Its racks.
    pub racks: BTreeMap<RackName, Rack>,
    /// Its switches.
    pub switches: BTreeMap<SwitchName, Switch>,
    /// What its file says of switch ports. A linked port that is not among them is an access port of its interface's network.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<PortRef, Port>,
    /// Its PDUs.
    pub pdus: BTreeMap<PduName, Pdu>,
    /// Its networks.
    pub networks: BTreeMap<NetworkName, Network>,
    /// Its profiles, for those who explain the site: what they say stands in the settings of the nodes, and no plan reads
    /// them here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<ProfileName, Profile>,
    /// Its nodes.
    pub nodes: BTreeMap<NodeName, Node>,
    /// The services that it has.
    pub services: BTreeMap<ServiceName, Service>,
    /// The clusters that it wants.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// How work at it is conducted. Plans that were stored before sites had it say nothing.
    #[serde(default, skip_serializing_if = "Conduct::is_empty")]
    pub conduct: Conduct,
    /// The records of other people that it may take over.
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
    /// Which profile a node without one gets, by what its machine is, for those who classify machines: no plan reads them here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The machine that each node is bound to, as the lock file keeps it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machines: BTreeMap<NodeName, Fingerprint>,
}

impl Site {
    /// An empty site.
    #[must_use]
    pub const fn new(name: SiteName) -> Self {
        Self {
            name,
            domain: None,
            racks: BTreeMap::new(),
            switches: BTreeMap::new(),
            ports: BTreeMap::new(),
            pdus: BTreeMap::new(),
            networks: BTreeMap::new(),
            profiles: BTreeMap::new(),
            nodes: BTreeMap::new(),
            services: BTreeMap::new(),
            clusters: BTreeMap::new(),
            conduct: Conduct::new(),
            claims: Claims::new(),
            rules: Vec::new(),
            machines: BTreeMap::new(),
        }
    }

    /// The nodes that are wanted at ready state.
    pub fn ready_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.state == NodeState::Ready)
    }

    /// The node whose name is nearest to a mistyped one, if one is near.
    #[must_use]
    pub fn nearest_node(&self, name: &str) -> Option<&NodeName> {
        let near = super::nearest(name, self.nodes.keys().map(NodeName::as_str))?;
        self.nodes.get_key_value(near).map(|(name, _)| name)
    }

    /// The services of one of these kinds.
    pub fn services_of<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a Service> {
        self.services.values().filter(|service| kinds.contains(&service.driver.kind.as_str()))
    }

    /// The fully qualified name of a node: its name within its primary network's domain, else the site's, else alone.
    #[must_use]
    pub fn host_name(&self, node: &Node) -> String {
        let network = node.primary_nic().and_then(|nic| nic.network.as_ref());
        let domain = network
            .and_then(|network| self.networks.get(network))
            .and_then(|network| network.domain.as_ref())
            .or(self.domain.as_ref());
        match domain {
            Some(domain) => format!("{}.{domain}", node.name),
            None => node.name.to_string(),
        }
    }
}
