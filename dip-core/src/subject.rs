//! What a step or a fact is about: a node, a switch port, a cluster, or a kind that a vendor adds.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{ClusterName, NicName, NodeName, PduName, ServiceName, SiteName, SwitchName, Symbol};

/// The thing that a step changes or that a fact describes, written `kind/name` (`node/r1-n3`, `port/sw1/7`).
///
/// Kinds are open: a vendor may use its own (`gpu/r1-n3/0`). Cheap to clone: large plans name the same subjects many times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    kind: Symbol,
    name: Symbol,
}

impl Subject {
    /// A subject of any kind.
    #[must_use]
    pub fn new(kind: Symbol, name: impl Into<Symbol>) -> Self {
        Self(Arc::new(Parts { kind, name: name.into() }))
    }

    /// A node.
    #[must_use]
    pub fn node(name: &NodeName) -> Self {
        Self::new(Symbol::of("node"), name)
    }

    /// A network interface of a node.
    #[must_use]
    pub fn nic(node: &NodeName, nic: &NicName) -> Self {
        Self::new(Symbol::of("nic"), format!("{node}/{nic}"))
    }

    /// A switch.
    #[must_use]
    pub fn switch(name: &SwitchName) -> Self {
        Self::new(Symbol::of("switch"), name)
    }

    /// A port of a switch.
    #[must_use]
    pub fn port(switch: &SwitchName, port: &str) -> Self {
        Self::new(Symbol::of("port"), format!("{switch}/{port}"))
    }

    /// A power distribution unit.
    #[must_use]
    pub fn pdu(name: &PduName) -> Self {
        Self::new(Symbol::of("pdu"), name)
    }

    /// The mains of a node: all outlets that feed it, as one switch.
    #[must_use]
    pub fn mains(node: &NodeName) -> Self {
        Self::new(Symbol::of("mains"), node)
    }

    /// The addresses of a site.
    #[must_use]
    pub fn addresses(site: &SiteName) -> Self {
        Self::new(Symbol::of("addresses"), site)
    }

    /// A service of the site.
    #[must_use]
    pub fn service(name: &ServiceName) -> Self {
        Self::new(Symbol::of("service"), name)
    }

    /// A cluster.
    #[must_use]
    pub fn cluster(name: &ClusterName) -> Self {
        Self::new(Symbol::of("cluster"), name)
    }

    /// A rollout: nodes outside of clusters that have a budget together.
    #[must_use]
    pub fn rollout(name: &Symbol) -> Self {
        Self::new(Symbol::of("rollout"), name.clone())
    }

    /// The alerts of a site.
    #[must_use]
    pub fn alerts(site: &SiteName) -> Self {
        Self::new(Symbol::of("alerts"), site)
    }

    /// A node's membership in a cluster.
    #[must_use]
    pub fn member(cluster: &ClusterName, node: &NodeName) -> Self {
        Self::new(Symbol::of("member"), format!("{cluster}/{node}"))
    }

    /// The kind: `node`, `nic`, `port`, `switch`, `service`, `cluster`, or a vendor's own.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.kind.as_str()
    }

    /// The name within its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        f.write_str("/")?;
        f.write_str(self.name())
    }
}

/// A text is not a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a subject; write it as kind/name, for example `node/r1-n3`")]
pub struct SubjectError(String);

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
                // The common kinds are spelled once, so that reading a large plan does not allocate each of them again.
                let kind = match kind {
                    "node" => Symbol::of("node"),
                    "nic" => Symbol::of("nic"),
                    "port" => Symbol::of("port"),
                    "cluster" => Symbol::of("cluster"),
                    "service" => Symbol::of("service"),
                    other => Symbol::from(other),
                };
                Ok(Self::new(kind, name))
            }
            _ => Err(SubjectError(text.to_owned())),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
