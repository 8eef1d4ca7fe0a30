//! etcd: which members see a leader, and the keys that a cluster keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dip_cluster::provider::{Health, Stored};
use dip_core::id::{ClusterName, NodeName};

use super::World;
use crate::linux::log_in;

/// From the start of a member until it can vote: it reads its log and finds its peers.
const JOINS_AFTER: Duration = Duration::from_secs(2);

/// The file that tells a member who it is and who the others are.
const CONFIGURATION: &str = "/etc/default/etcd";

/// What a cluster keeps.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    revision: u64,
    /// The members that were taken out.
    removed: BTreeSet<NodeName>,
    stored: BTreeMap<String, Stored>,
}

impl Keys {
    pub(crate) fn read(&self, key: &str) -> Option<&Stored> {
        self.stored.get(key)
    }

    /// Writes a key. Every write is a new revision, also of the same value, as in etcd.
    pub(crate) fn write(&mut self, key: &str, value: &str) {
        // A new etcd store is at revision 1 before its first write.
        self.revision = self.revision.max(1) + 1;
        self.stored.insert(key.to_owned(), Stored { value: value.to_owned(), revision: self.revision });
    }

    /// Takes a member out; tells whether it was one until now.
    pub(crate) fn take_out(&mut self, member: &NodeName) -> bool {
        self.removed.insert(member.clone())
    }

    pub(crate) fn counts(&self, member: &NodeName) -> bool {
        !self.removed.contains(member)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.stored.iter()
    }
}

/// A member's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Configuration {
    token: String,
    /// The members with the host names at which they find each other.
    members: Vec<(NodeName, String)>,
}

impl Configuration {
    fn read(text: &str) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let members = value("ETCD_INITIAL_CLUSTER")?
            .split(',')
            .filter_map(|member| {
                let (name, url) = member.split_once('=')?;
                let (host, _) = url.split_once("://")?.1.rsplit_once(':')?;
                Some((NodeName::new(name).ok()?, host.to_owned()))
            })
            .collect();
        Some(Self { token: value("ETCD_INITIAL_CLUSTER_TOKEN")?.to_owned(), members })
    }
}

impl World {
    /// Whether the member on a node sees a leader: most of those that it was told of are found by their names, run, can be
    /// reached and belong to the same cluster.
    pub(crate) fn etcd_has_leader(&self, node: &NodeName) -> bool {
        let Some(own) = self.etcd_runs(node) else { return false };
        let shell = log_in(self, node);
        let votes = |member: &NodeName, host: &str| {
            self.etcd_runs(member).as_ref() == Some(&own) && !shell.addresses(host).is_empty()
        };
        let counted: Vec<_> = own.members.iter().filter(|(member, _)| self.etcd_counts(&own, member)).collect();
        let voting = counted.iter().filter(|(member, host)| votes(member, host)).count();
        voting > counted.len() / 2 && self.etcd_counts(&own, node)
    }

    /// Whether the cluster of a configuration counts a node among its members: those that it was told of and did not take out.
    fn etcd_counts(&self, configuration: &Configuration, node: &NodeName) -> bool {
        let of_site = configuration.token.strip_prefix(self.site.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let cluster = of_site.and_then(|cluster| ClusterName::new(cluster).ok());
        cluster.and_then(|cluster| self.keys(&cluster, |keys| keys.counts(node))).unwrap_or(true)
    }

    /// How the member on a node is, to somebody who asks it.
    pub(crate) fn etcd_health(&self, node: &NodeName) -> Health {
        if self.etcd_runs(node).is_none() {
            Health::Silent
        } else if self.etcd_has_leader(node) {
            Health::Healthy
        } else {
            Health::Alone
        }
    }

    /// The configuration of the member that runs on a node and can be reached.
    fn etcd_runs(&self, node: &NodeName) -> Option<Configuration> {
        if !self.site.nodes.contains_key(node) || self.reach(node).is_err() {
            return None;
        }
        let now = self.time.now();
        let text = self.machine(node, |machine| {
            let since = machine.linux.runs_since("etcd")?;
            (since + JOINS_AFTER <= now).then(|| machine.linux.text(CONFIGURATION))?
        })?;
        Configuration::read(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_its_members_and_its_token() {
        let text = "# x\nETCD_NAME=n1\nETCD_INITIAL_CLUSTER=n1=http://n1.lab.example:2380,n2=http://n2.lab.example:2380\nETCD_INITIAL_CLUSTER_TOKEN=lab-store\n";
        let read = Configuration::read(text).expect("a configuration");
        assert_eq!(read.token, "lab-store");
        let members: Vec<_> = read.members.iter().map(|(name, host)| (name.as_str(), host.as_str())).collect();
        assert_eq!(members, [("n1", "n1.lab.example"), ("n2", "n2.lab.example")]);
        assert_eq!(Configuration::read("ETCD_NAME=n1\n"), None);
    }

    #[test]
    fn every_write_is_a_revision() {
        let mut keys = Keys::default();
        keys.write("/a", "1");
        keys.write("/a", "1");
        assert_eq!(keys.read("/a").map(|stored| stored.revision), Some(3));
        assert_eq!(keys.read("/b"), None);
    }
}
