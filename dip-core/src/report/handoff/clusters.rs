//! Which cluster a list is for, and which of its exported members play a role.

use super::list::Member;
use super::{HandOff, HandOffError, HandOffFormat, cephadm, kubespray, packstack};
use crate::id::NodeName;
use crate::site::Cluster;

impl<'a> HandOff<'a> {
    /// The nodes that a list would be about: the members of its cluster; for Ansible, where none is named, all.
    ///
    /// # Errors
    /// Where the site has no such cluster.
    pub fn about(&self, format: HandOffFormat, cluster: Option<&str>) -> Result<Vec<&'a NodeName>, HandOffError> {
        let cluster = match format {
            HandOffFormat::Ansible => cluster.map(|name| self.named(name)).transpose()?,
            HandOffFormat::Cephadm => Some(self.cluster(format, cluster, &cephadm::ROLES)?),
            HandOffFormat::Kubespray => Some(self.cluster(format, cluster, &kubespray::ROLES)?),
            HandOffFormat::Packstack => Some(self.cluster(format, cluster, &packstack::ROLES)?),
        };
        let is_member = |name: &&NodeName| {
            cluster.is_none_or(|cluster| cluster.members.values().flatten().any(|member| member == *name))
        };
        Ok(self.nodes().filter(is_member).collect())
    }

    /// The cluster that is named, else the only one that the site hands over to the installer.
    pub(super) fn cluster(
        &self,
        format: HandOffFormat,
        named: Option<&str>,
        roles: &[&str],
    ) -> Result<&'a Cluster, HandOffError> {
        if let Some(name) = named {
            return self.named(name);
        }
        let meant = self.site.clusters.values().filter(|cluster| cluster.installer() == Some(format.as_str()));
        match meant.collect::<Vec<_>>()[..] {
            [only] => Ok(only),
            [] => Err(HandOffError::NoCluster {
                format,
                roles: roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", "),
            }),
            ref several => Err(HandOffError::SeveralClusters {
                format,
                clusters: several.iter().map(|cluster| cluster.name.clone()).collect(),
            }),
        }
    }

    /// A cluster by its name.
    ///
    /// # Errors
    /// Where the site has no such cluster; it tells the one that is spelt most alike.
    pub fn named(&self, name: &str) -> Result<&'a Cluster, HandOffError> {
        self.site.clusters.get(name).ok_or_else(|| {
            let similar = |other: &str| strsim::jaro_winkler(other, name);
            let near = self.site.clusters.keys().max_by(|a, b| similar(a.as_str()).total_cmp(&similar(b.as_str())));
            let near = near.filter(|near| similar(near.as_str()) > 0.8).cloned();
            HandOffError::NoSuchCluster { name: name.to_owned(), near }
        })
    }

    /// The exported nodes that play a role, in the order of the site file.
    pub(super) fn in_role(&self, cluster: &'a Cluster, role: &str) -> Vec<&Member<'a>> {
        cluster.members.get(role).into_iter().flatten().filter_map(|name| self.nodes.get(name)).collect()
    }

    /// The same where nothing can begin without one.
    pub(super) fn needed(
        &self,
        format: HandOffFormat,
        cluster: &'a Cluster,
        role: &'static str,
    ) -> Result<Vec<&Member<'a>>, HandOffError> {
        let found = self.in_role(cluster, role);
        if found.is_empty() {
            let known = cluster.members.keys().map(|role| format!("`{role}`")).collect();
            return Err(HandOffError::NobodyInRole { format, cluster: cluster.name.clone(), role, known });
        }
        Ok(found)
    }
}

impl Member<'_> {
    /// Its address, for an installer that takes nothing else.
    pub(super) fn by_address(&self, format: HandOffFormat) -> Result<String, HandOffError> {
        let address = self.address().map(|address| address.to_string());
        address.ok_or_else(|| HandOffError::NoAddress { format, node: self.node.name.clone() })
    }
}
