//! A simulated CMDB.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, ServiceName, SiteName};
use dip_core::provider::{Holder, Inventory, Ipam, ProviderError};
use dip_opsmgmt::provider::{Cmdb, HeldRecord, NodeRecord};

use crate::line::{Intent, Line};
use crate::world::{ForeignRecord, Records};

#[derive(Debug)]
pub(crate) struct SandboxCmdb {
    line: Line,
    name: ServiceName,
}

impl SandboxCmdb {
    pub(crate) const fn new(line: Line, name: ServiceName) -> Self {
        Self { line, name }
    }

    fn act<T: Default>(&self, act: impl FnOnce(&mut Records) -> T) -> T {
        self.line.world().records(&self.name, act).unwrap_or_default()
    }

    async fn change(
        &self,
        action: String,
        node: &NodeName,
        change: impl FnOnce(&mut Records) -> Result<bool, ForeignRecord> + Send,
    ) -> Result<(), ProviderError> {
        let counted = format!("change the record of {node}");
        change_records(&self.line, &self.name, action, counted, change).await
    }
}

/// Changes what a CMDB holds, and counts it where that changed anything.
pub(super) async fn change_records(
    line: &Line,
    name: &ServiceName,
    action: String,
    counted: String,
    change: impl FnOnce(&mut Records) -> Result<bool, ForeignRecord> + Send,
) -> Result<(), ProviderError> {
    line.carry(Intent::Change, &action).await?;
    match line.world().records(name, change).unwrap_or(Ok(false)) {
        Ok(changed) => {
            if changed {
                line.world().ledger.count(line.subject(), counted);
            }
            Ok(())
        }
        Err(foreign) => Err(line.conflict(action, &foreign)),
    }
}

#[async_trait]
impl Cmdb for SandboxCmdb {
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError> {
        self.line.carry(Intent::Look, &format!("read the record of {node}")).await?;
        Ok(self.act(|records| records.find(node)))
    }

    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let node = &record.node;
        self.change(format!("write the record of {node}"), node, |records| records.write(record, owner)).await
    }

    async fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("write the record of {}", record.node);
        self.line.carry(Intent::Look, &action).await?;
        let told = self.act(|records| Some(records.may_write(record, owner)));
        told.unwrap_or(Ok(())).map_err(|foreign| self.line.conflict(action, &foreign))
    }

    async fn claim(&self, node: &NodeName, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let to = Holder::Site(owner.clone());
        self.change(format!("claim the record of {node}"), node, |records| records.hand_over(node, from, &to)).await
    }

    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let from = Holder::Site(owner.clone());
        let action = format!("take the mark off the record of {node}");
        self.change(action, node, |records| records.hand_over(node, &from, &Holder::Nobody)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(format!("remove the record of {node}"), node, |records| records.remove(node, owner)).await
    }

    async fn list(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        self.line.carry(Intent::Look, "list the records").await?;
        Ok(self.act(|records| records.iter().cloned().collect()))
    }

    fn ipam(&self) -> Option<Arc<dyn Ipam>> {
        None
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        None
    }
}
