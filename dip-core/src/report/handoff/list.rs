//! What is handed over: some nodes of a site, and how each is reached.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::id::NodeName;
use crate::site::{Node, Site};

/// Some nodes of a site, for an installer.
#[derive(Debug, Clone)]
pub struct HandOff<'a> {
    pub(super) site: &'a Site,
    pub(super) nodes: BTreeMap<&'a NodeName, Member<'a>>,
    pub(super) time_servers: Vec<String>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) node: &'a Node,
    pub(super) login: Option<Login>,
}

/// How somebody logs in to a node. A password has no place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The address or host name.
    pub address: String,
    /// The TCP port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// Whether the user becomes root by `sudo`.
    pub becomes_root: bool,
    /// The file of the private key, where the site names a file.
    pub key: Option<PathBuf>,
}

impl<'a> HandOff<'a> {
    /// No nodes of a site yet.
    #[must_use]
    pub const fn new(site: &'a Site) -> Self {
        Self { site, nodes: BTreeMap::new(), time_servers: Vec::new() }
    }

    /// Adds a node. Without a login it is still listed, for installers that know how to reach it.
    #[must_use]
    pub fn with(mut self, node: &'a Node, login: Option<Login>) -> Self {
        self.nodes.insert(&node.name, Member { node, login });
        self
    }

    /// Adds a time server that the nodes follow, `host` or `host:port`, once.
    #[must_use]
    pub fn following(mut self, server: impl Into<String>) -> Self {
        let server = server.into();
        if !self.time_servers.contains(&server) {
            self.time_servers.push(server);
        }
        self
    }

    /// The nodes that are handed over.
    pub fn nodes(&self) -> impl Iterator<Item = &'a NodeName> {
        self.nodes.keys().copied()
    }
}

impl Member<'_> {
    /// The address that others use for it: that of its primary interface.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.node.address()
    }
}
