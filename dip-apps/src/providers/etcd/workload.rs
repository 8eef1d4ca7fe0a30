//! The workload itself: reads and brings up members through their hosts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{ClusterName, NodeName, SiteName};
use dip_core::layer::ConnectError;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError, Providers, Retry};
use dip_core::site::{Cluster, Site};
use dip_core::subject::Subject;

use super::configuration::{self, Member, PATH};
use crate::provider::{Configuration, MemberState, ServiceState, Workload};
use crate::settings::EtcdSettings;

const PROVIDER: &str = "etcd";

/// One etcd cluster on the hosts of its members.
pub struct Etcd {
    site: SiteName,
    cluster: ClusterName,
    settings: EtcdSettings,
    members: Vec<Member>,
    hosts: BTreeMap<NodeName, Arc<dyn Host>>,
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd").field("cluster", &self.cluster).field("members", &self.members).finish_non_exhaustive()
    }
}

impl Etcd {
    /// The etcd cluster of a site. It acts through the `Host`s that are already among the providers.
    ///
    /// # Errors
    /// Where a member has no address, or its settings cannot be read.
    pub fn of(site: &Site, cluster: &Cluster, providers: &Providers) -> Result<Self, ConnectError> {
        let wrong = |why: String| ConnectError::cluster(cluster, why);
        let settings = cluster.workload.read().map_err(|error| wrong(error.to_string()))?;
        let mut members = Vec::new();
        let mut hosts = BTreeMap::new();
        for name in cluster.members.values().flatten() {
            let node = site.nodes.get(name).ok_or_else(|| wrong(format!("node `{name}` is not in the site")))?;
            let address = node.address().ok_or_else(|| {
                wrong(format!(
                    "its member `{name}` has no address; put one of its interfaces into a network with a range"
                ))
            })?;
            members.push(Member { node: name.clone(), host_name: site.host_name(node), address });
            // A member without a host is told when a step needs it: others of the site are not held up.
            if let Ok(host) = providers.find::<dyn Host>(&Subject::node(name)) {
                hosts.insert(name.clone(), host);
            }
        }
        Ok(Self { site: site.name.clone(), cluster: cluster.name.clone(), settings, members, hosts })
    }

    fn host(&self, node: &NodeName, action: &str) -> Result<(&Member, &Arc<dyn Host>), ProviderError> {
        let found = self.members.iter().find(|member| member.node == *node).zip(self.hosts.get(node));
        found.ok_or_else(|| {
            ProviderError::new(
                ErrorKind::NotFound,
                PROVIDER,
                format!("{action} of {node} in cluster `{}`", self.cluster),
            )
            .advise(
                "the node must be a member of the cluster, and dip must have a way to run commands on it (`os.ssh`)",
            )
        })
    }

    fn wanted(&self, member: &Member) -> String {
        configuration::file(&self.site, &self.cluster, &self.settings, &self.members, member)
    }
}

#[async_trait]
impl Workload for Etcd {
    async fn member(&self, node: &NodeName) -> Result<MemberState, ProviderError> {
        let (member, host) = self.host(node, "read the member")?;
        let configuration = match host.read(PATH).await? {
            None => Configuration::Absent,
            Some(file) if file.bytes == self.wanted(member).as_bytes() => Configuration::AsWanted,
            Some(_) => Configuration::Differs,
        };
        let version = host.run(&Command::new("etcd").arg("--version")).await?;
        let service = service(&**host).await?;
        Ok(MemberState { configuration, service, version: version_of(&version) })
    }

    async fn bring_up(&self, node: &NodeName) -> Result<(), ProviderError> {
        let action = "bring up the member";
        let (member, host) = self.host(node, action)?;
        let file = FileContent { bytes: self.wanted(member).into_bytes(), mode: 0o644 };
        let changed = host.read(PATH).await?.is_none_or(|present| present != file);
        if changed {
            host.write(PATH, &file).await?;
        }
        succeeded(host.run(&Command::new("systemctl").args(["enable", "etcd.service"])).await?, node, action)?;
        // The unit is of type notify, so a start would return only with quorum: it is asked for and not waited for.
        let verb = if changed { "restart" } else { "start" };
        let ask = Command::new("systemctl").args([verb, "--no-block", "etcd.service"]);
        succeeded(host.run(&ask).await?, node, action)
    }

    async fn take_down(&self, node: &NodeName) -> Result<(), ProviderError> {
        let action = "take down the member";
        let (_, host) = self.host(node, action)?;
        let stop = Command::new("systemctl").args(["disable", "--now", "etcd.service"]);
        succeeded(host.run(&stop).await?, node, action)
    }
}

async fn service(host: &dyn Host) -> Result<ServiceState, ProviderError> {
    let ask = async |words: &[&str]| {
        let output = host.run(&Command::new("systemctl").args(words.iter().copied())).await?;
        Ok::<_, ProviderError>(output.text())
    };
    Ok(match ask(&["is-active", "etcd.service"]).await?.as_str() {
        "active" => ServiceState::Running,
        "activating" | "reloading" => ServiceState::Starting,
        // A system that is still starting gets to its enabled services by itself.
        _ if ask(&["is-enabled", "etcd.service"]).await? != "enabled" => ServiceState::Stopped,
        _ => match ask(&["is-system-running"]).await?.as_str() {
            "initializing" | "starting" => ServiceState::Starting,
            _ => ServiceState::Stopped,
        },
    })
}

/// `etcd Version: 3.4.23` in the first line; anything else, and a program that is not there, is no version.
fn version_of(output: &Output) -> Option<String> {
    let text = output.text();
    let version = text.lines().next()?.strip_prefix("etcd Version: ")?;
    output.succeeded().then(|| version.trim().to_owned())
}

fn succeeded(output: Output, node: &NodeName, action: &str) -> Result<(), ProviderError> {
    if output.succeeded() {
        return Ok(());
    }
    let words = output.error_text();
    Err(ProviderError::new(ErrorKind::Unexpected, PROVIDER, format!("{action} on {node}"))
        .retry_as(Retry::Backoff)
        .because(if words.is_empty() { format!("systemctl ended with {:?}", output.status) } else { words }))
}
