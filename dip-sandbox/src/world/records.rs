//! A CMDB's records.

use std::collections::BTreeMap;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::Holder;
use dip_opsmgmt::provider::{HeldRecord, NodeRecord};

/// The records of one CMDB: dip's fields, and those that others wrote beside them.
#[derive(Debug, Default)]
pub(crate) struct Records {
    held: BTreeMap<NodeName, HeldRecord>,
    others: BTreeMap<NodeName, BTreeMap<String, String>>,
}

/// Somebody else holds a record.
#[derive(Debug, thiserror::Error)]
#[error("the record of {node} {}", .owner.as_ref().map_or_else(|| "carries nobody's mark".to_owned(), |owner| format!("carries the mark of site `{owner}`")))]
pub(crate) struct ForeignRecord {
    node: NodeName,
    owner: Option<SiteName>,
}

impl Records {
    pub(crate) fn find(&self, node: &NodeName) -> Option<&HeldRecord> {
        self.held.get(node)
    }

    /// Writes a record; tells whether that changed anything.
    pub(crate) fn write(&mut self, record: &NodeRecord, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.owned(&record.node, owner)?;
        let id = self.held.get(&record.node).map_or_else(|| format!("nodes/{}", record.node), |held| held.id.clone());
        let held = HeldRecord { id, record: record.clone(), owner: Some(owner.clone()) };
        Ok(self.held.insert(record.node.clone(), held.clone()).as_ref() != Some(&held))
    }

    /// Lets a record carry another mark, or none; tells whether that changed anything.
    pub(crate) fn hand_over(&mut self, node: &NodeName, from: &Holder, to: &Holder) -> Result<bool, ForeignRecord> {
        let Some(held) = self.held.get_mut(node) else { return Ok(false) };
        match Holder::from(held.owner.clone()) {
            holder if holder == *to => Ok(false),
            holder if holder == *from => {
                held.owner = to.site().cloned();
                Ok(true)
            }
            _ => Err(ForeignRecord { node: node.clone(), owner: held.owner.clone() }),
        }
    }

    /// Removes a record; tells whether there was one.
    pub(crate) fn remove(&mut self, node: &NodeName, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.owned(node, owner)?;
        Ok(self.held.remove(node).is_some())
    }

    /// Writes a record, with any mark or none.
    pub(crate) fn put(&mut self, held: HeldRecord) {
        self.held.insert(held.record.node.clone(), held);
    }

    /// Writes a field that is not dip's.
    pub(crate) fn put_field(&mut self, node: &NodeName, field: &str, value: &str) {
        self.others.entry(node.clone()).or_default().insert(field.to_owned(), value.to_owned());
    }

    /// The fields that are not dip's.
    pub(crate) fn others(&self) -> &BTreeMap<NodeName, BTreeMap<String, String>> {
        &self.others
    }

    fn owned(&self, node: &NodeName, owner: &SiteName) -> Result<(), ForeignRecord> {
        match self.held.get(node) {
            Some(held) if held.owner.as_ref() != Some(owner) => {
                Err(ForeignRecord { node: node.clone(), owner: held.owner.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldRecord> {
        self.held.values()
    }
}
