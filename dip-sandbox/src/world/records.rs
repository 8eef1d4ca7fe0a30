//! A CMDB's records.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::Holder;
use dip_core::site::is_special;
use dip_opsmgmt::provider::{HeldRecord, NodeRecord};
use ipnetwork::IpNetwork;

use super::interfaces::Interfaces;

/// The records of one CMDB: dip's fields, and those that others wrote beside them.
#[derive(Debug, Default)]
pub(crate) struct Records {
    held: BTreeMap<NodeName, HeldRecord>,
    others: BTreeMap<NodeName, BTreeMap<String, String>>,
    interfaces: Interfaces,
    addresses: BTreeMap<IpAddr, Holder>,
}

/// Somebody else holds what would have to change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForeignRecord {
    /// The record itself.
    #[error("the record of {node} carries {}", Holder::from(.owner.clone()))]
    Record { node: NodeName, owner: Option<SiteName> },
    /// Something of its interfaces.
    #[error("{0} carries nobody's mark")]
    Interface(String),
    /// An address of its prefixes.
    #[error("the address {0} carries {1}")]
    Address(IpAddr, Holder),
}

impl Records {
    /// A record, with its interfaces as the CMDB's own fields tell them.
    pub(crate) fn find(&self, node: &NodeName) -> Option<HeldRecord> {
        let held = self.held.get(node)?.clone();
        Some(HeldRecord { record: self.interfaces.told(held.record), ..held })
    }

    /// Writes a record; tells whether that changed anything.
    pub(crate) fn write(&mut self, record: &NodeRecord, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.may_write(record, owner)?;
        let of_interfaces = self.interfaces.write(record, owner);
        let id = self.held.get(&record.node).map_or_else(|| format!("nodes/{}", record.node), |held| held.id.clone());
        let held = HeldRecord { id, record: record.clone(), owner: Some(owner.clone()) };
        Ok(self.held.insert(record.node.clone(), held.clone()).as_ref() != Some(&held) || of_interfaces)
    }

    /// Whether somebody else holds what a write of a record would change.
    pub(crate) fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ForeignRecord> {
        self.owned(&record.node, owner)?;
        self.interfaces.foreign(record, owner).map_or(Ok(()), |what| Err(ForeignRecord::Interface(what)))
    }

    /// Who has an address of its prefixes.
    pub(crate) fn holder(&self, address: IpAddr) -> Option<Holder> {
        self.addresses.get(&address).cloned()
    }

    /// The first addresses of a prefix that nobody has.
    pub(crate) fn free(&self, prefix: IpNetwork, most: usize) -> Vec<IpAddr> {
        let is_free = |address: &IpAddr| !is_special(prefix, *address) && !self.addresses.contains_key(address);
        prefix.iter().filter(is_free).take(most).collect()
    }

    /// Lets an address be a site's; the error is who has it.
    pub(crate) fn take_address(&mut self, address: IpAddr, owner: &SiteName) -> Result<bool, ForeignRecord> {
        let ours = Holder::Site(owner.clone());
        match self.addresses.get(&address) {
            Some(holder) if *holder == ours => Ok(false),
            Some(holder) => Err(ForeignRecord::Address(address, holder.clone())),
            None => Ok(self.addresses.insert(address, ours).is_none()),
        }
    }

    /// Takes an address from a site; the error is who has it.
    pub(crate) fn give_address_back(&mut self, address: IpAddr, owner: &SiteName) -> Result<bool, ForeignRecord> {
        match self.addresses.get(&address) {
            None => Ok(false),
            Some(Holder::Site(site)) if site == owner => Ok(self.addresses.remove(&address).is_some()),
            Some(holder) => Err(ForeignRecord::Address(address, holder.clone())),
        }
    }

    /// Lets an address be somebody's.
    pub(crate) fn put_address(&mut self, address: IpAddr, holder: Holder) {
        self.addresses.insert(address, holder);
    }

    /// The interfaces in the CMDB's own fields.
    pub(crate) fn interfaces(&mut self) -> &mut Interfaces {
        &mut self.interfaces
    }

    /// Lets a record carry another mark, or none; tells whether that changed anything.
    pub(crate) fn hand_over(&mut self, node: &NodeName, from: &Holder, to: &Holder) -> Result<bool, ForeignRecord> {
        let Some(held) = self.held.get_mut(node) else { return Ok(false) };
        match Holder::from(held.owner.clone()) {
            holder if holder == *to => Ok(false),
            holder if holder == *from => {
                held.owner = to.site().cloned();
                self.interfaces.hand_over(node, from, to);
                Ok(true)
            }
            _ => Err(ForeignRecord::Record { node: node.clone(), owner: held.owner.clone() }),
        }
    }

    /// Removes a record; tells whether there was one.
    pub(crate) fn remove(&mut self, node: &NodeName, owner: &SiteName) -> Result<bool, ForeignRecord> {
        self.owned(node, owner)?;
        self.interfaces.remove(node, owner);
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
                Err(ForeignRecord::Record { node: node.clone(), owner: held.owner.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldRecord> {
        self.held.values()
    }
}
