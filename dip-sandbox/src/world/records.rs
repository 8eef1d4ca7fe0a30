//! A CMDB's records.

use std::collections::BTreeMap;

use dip_core::id::{NodeName, SiteName};
use dip_opsmgmt::provider::{HeldRecord, NodeRecord};

/// The records of one CMDB.
#[derive(Debug, Default)]
pub(crate) struct Records(BTreeMap<NodeName, HeldRecord>);

/// Somebody else holds a record.
#[derive(Debug, thiserror::Error)]
#[error("the record of {node} {}", .owner.as_ref().map_or_else(|| "carries nobody's mark".to_owned(), |owner| format!("carries the mark of site `{owner}`")))]
pub(crate) struct ForeignRecord {
    node: NodeName,
    owner: Option<SiteName>,
}

impl Records {
    pub(crate) fn find(&self, node: &NodeName) -> Option<&HeldRecord> {
        self.0.get(node)
    }

    /// Writes a record; tells whether that changed anything.
    pub(crate) fn write(&mut self, record: &NodeRecord, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.owned(&record.node, owner)?;
        let id = self.0.get(&record.node).map_or_else(|| format!("nodes/{}", record.node), |held| held.id.clone());
        let held = HeldRecord { id, record: record.clone(), owner: Some(owner.clone()) };
        Ok(self.0.insert(record.node.clone(), held.clone()).as_ref() != Some(&held))
    }

    /// Removes a record; tells whether there was one.
    pub(crate) fn remove(&mut self, node: &NodeName, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.owned(node, owner)?;
        Ok(self.0.remove(node).is_some())
    }

    /// Writes a record, with any mark or none.
    pub(crate) fn put(&mut self, held: HeldRecord) {
        self.0.insert(held.record.node.clone(), held);
    }

    fn owned(&self, node: &NodeName, owner: &SiteName) -> Result<(), ForeignRecord> {
        match self.0.get(node) {
            Some(held) if held.owner.as_ref() != Some(owner) => {
                Err(ForeignRecord { node: node.clone(), owner: held.owner.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldRecord> {
        self.0.values()
    }
}
