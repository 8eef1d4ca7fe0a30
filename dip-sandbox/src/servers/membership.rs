//! The membership of a simulated etcd cluster.

use async_trait::async_trait;
use dip_cluster::provider::{Health, Member, Membership, Stored};
use dip_core::id::{ClusterName, NodeName};
use dip_core::provider::{ErrorKind, ProviderError};

use crate::line::{Intent, Line};

#[derive(Debug)]
pub(crate) struct SandboxMembership {
    line: Line,
    cluster: ClusterName,
    members: Vec<NodeName>,
}

impl SandboxMembership {
    pub(crate) const fn new(line: Line, cluster: ClusterName, members: Vec<NodeName>) -> Self {
        Self { line, cluster, members }
    }

    fn health(&self) -> impl Iterator<Item = (&NodeName, Health)> {
        self.members.iter().map(|node| (node, self.line.world().etcd_health(node)))
    }

    /// A request that the whole cluster must carry.
    async fn carry(&self, intent: Intent, action: &str) -> Result<(), ProviderError> {
        self.line.carry(intent, action).await?;
        let health: Vec<_> = self.health().map(|(_, health)| health).collect();
        if health.contains(&Health::Healthy) {
            Ok(())
        } else if health.contains(&Health::Alone) {
            Err(self.line.error(ErrorKind::Busy, action).because("the members that answer see no leader"))
        } else {
            Err(self.line.no_answer(action, "no member runs").await)
        }
    }
}

#[async_trait]
impl Membership for SandboxMembership {
    async fn members(&self) -> Result<Vec<Member>, ProviderError> {
        match self.line.carry(Intent::Look, "ask the members").await {
            Ok(()) => Ok(self.health().map(|(node, health)| Member { name: node.to_string(), health }).collect()),
            // Who cannot reach any member sees each of them silent; that is no error.
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                Ok(self.members.iter().map(|node| Member { name: node.to_string(), health: Health::Silent }).collect())
            }
            Err(error) => Err(error),
        }
    }

    async fn roster(&self) -> Result<Vec<String>, ProviderError> {
        self.carry(Intent::Look, "list the members").await?;
        let counted = |node: &&NodeName| self.line.world().keys(&self.cluster, |keys| keys.counts(node)) == Some(true);
        let mut names: Vec<String> = self.members.iter().filter(counted).map(ToString::to_string).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn remove(&self, member: &str) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("take the member {member} out")).await?;
        let Some(node) = self.members.iter().find(|node| node.as_str() == member) else { return Ok(()) };
        let world = self.line.world();
        if world.keys(&self.cluster, |keys| keys.take_out(node)) == Some(true) {
            world.ledger.count(self.line.subject(), format!("take out {node}"));
        }
        Ok(())
    }

    async fn read(&self, key: &str) -> Result<Option<Stored>, ProviderError> {
        self.carry(Intent::Look, &format!("read the key {key}")).await?;
        Ok(self.line.world().keys(&self.cluster, |keys| keys.read(key).cloned()).flatten())
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("write the key {key}")).await?;
        let world = self.line.world();
        world.keys(&self.cluster, |keys| keys.write(key, value));
        world.ledger.count(self.line.subject(), format!("write {key}"));
        Ok(())
    }
}
