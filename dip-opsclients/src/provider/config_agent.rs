//! An agent of a configuration system: it takes a node from here on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::{NodeName, ProfileName, RackName};
use dip_core::provider::{Host, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A node as a configuration system sees it: what the site knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// The node.
    pub node: NodeName,
    /// Its whole name, by which the system knows it.
    pub name: String,
    /// Where it is reached.
    pub address: IpAddr,
    /// The site.
    pub site: String,
    /// Its rack.
    pub rack: Option<RackName>,
    /// Its profiles, nearest first.
    pub profiles: Vec<ProfileName>,
    /// What the site file gives the agent beside.
    pub vars: BTreeMap<String, String>,
}

impl Managed {
    /// What the site knows, as the one structure that every system is given under the name `dip`.
    #[must_use]
    pub fn facts(&self) -> Value {
        json!({
            "site": self.site,
            "node": self.node,
            "name": self.name,
            "address": self.address,
            "rack": self.rack,
            "profiles": self.profiles,
            "vars": self.vars,
        })
    }
}

/// What a run of an agent came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recap {
    /// What it changed, or would change, each by the agent's own name for it.
    pub changed: Vec<String>,
    /// What it could not do.
    pub failed: Vec<Failed>,
}

impl Recap {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.changed.is_empty() && self.failed.is_empty()
    }
}

/// A part of a run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The part, by the agent's own name for it.
    pub what: String,
    /// The agent's own words.
    pub words: String,
}

/// An agent of a configuration system (Ansible, Puppet, Salt, Chef).
///
/// # Contract
/// * `probe` changes nothing on the node, and tells a node that the system does not know yet as a change.
/// * `run` first gives the system what the site knows, and makes the node known where that takes a signature; then it makes the
///   node what the system says. A run in which a part failed is `Ok` with that part in the recap: the run came to its end.
/// * After a `run` without failures, `probe` is in order: what the system says can be reached.
/// * An error means that there was no run: the agent is not installed (`Unsupported`), the node or the server does not answer
///   (`Unreachable`), the system does not let the node in (`Denied`), or what it should do cannot be read (`Invalid`).
#[async_trait]
pub trait ConfigAgent: Send + Sync {
    /// The product, for messages.
    fn product(&self) -> &'static str;

    /// What a run would change.
    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError>;

    /// Runs it.
    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError>;

    /// What the agent knows of the node, by its own names.
    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError>;
}
