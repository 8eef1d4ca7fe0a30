//! A simulated monitoring server.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, ServiceName, SiteName};
use dip_core::provider::ProviderError;
use dip_opsmgmt::provider::{Health, HeldTarget, Monitor, Rules, Target};

use super::rules::SandboxRules;
use crate::line::{Intent, Line};
use crate::world::{ForeignTarget, Targets};

#[derive(Debug)]
pub(crate) struct SandboxMonitor {
    line: Arc<Line>,
    name: ServiceName,
}

impl SandboxMonitor {
    pub(crate) fn new(line: Line, name: ServiceName) -> Self {
        Self { line: Arc::new(line), name }
    }

    async fn change(
        &self,
        action: String,
        node: &NodeName,
        change: impl FnOnce(&mut Targets) -> Result<bool, ForeignTarget> + Send,
    ) -> Result<(), ProviderError> {
        self.line.carry(Intent::Change, &action).await?;
        match self.line.world().targets(&self.name, change).unwrap_or(Ok(false)) {
            Ok(changed) => {
                if changed {
                    self.line.world().ledger.count(self.line.subject(), format!("change the target for {node}"));
                }
                Ok(())
            }
            Err(foreign) => Err(self.line.conflict(action, &foreign)),
        }
    }
}

#[async_trait]
impl Monitor for SandboxMonitor {
    async fn target(&self, node: &NodeName, owner: &SiteName) -> Result<Option<HeldTarget>, ProviderError> {
        self.line.carry(Intent::Look, &format!("read the target for {node}")).await?;
        Ok(self.line.world().targets(&self.name, |targets| targets.find(node, owner).cloned()).flatten())
    }

    async fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        let now = self.line.world().time.now();
        let action = format!("set the target for {}", target.node);
        self.change(action, &target.node, |targets| targets.set(target, owner, now)).await
    }

    async fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        self.line.carry(Intent::Look, &format!("list the targets of {owner}")).await?;
        Ok(self.line.world().targets(&self.name, |targets| targets.owned(owner)).unwrap_or_default())
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(format!("remove the target for {node}"), node, |targets| targets.remove(node, owner)).await
    }

    async fn health(&self, node: &NodeName, owner: &SiteName) -> Result<Health, ProviderError> {
        self.line.carry(Intent::Look, &format!("read whether {node} is up")).await?;
        Ok(self.line.world().health(&self.name, node, owner))
    }

    fn rules(&self) -> Option<Arc<dyn Rules>> {
        Some(Arc::new(SandboxRules::new(Arc::clone(&self.line), self.name.clone())))
    }
}
