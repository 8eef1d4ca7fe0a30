//! The interfaces of nodes in a CMDB's own fields, with who wrote what.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dip_core::hardware::MacAddr;
use dip_core::id::{NicName, NodeName, SiteName};
use dip_core::provider::Holder;
use dip_opsmgmt::provider::{NicRecord, NodeRecord};
use ipnetwork::IpNetwork;

/// All interfaces of one CMDB.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    of: BTreeMap<NodeName, BTreeMap<NicName, Interface>>,
    primary: BTreeMap<NodeName, IpAddr>,
}

#[derive(Debug, Clone)]
struct Interface {
    writer: Holder,
    mac: Option<(MacAddr, Holder)>,
    addresses: BTreeMap<IpNetwork, Holder>,
}

impl Interfaces {
    /// What of a record somebody else holds otherwise, as a fragment.
    pub(crate) fn foreign(&self, record: &NodeRecord, owner: &SiteName) -> Option<String> {
        let ours = Holder::Site(owner.clone());
        for nic in &record.nics {
            let there = self.of.get(&record.node).and_then(|nics| nics.get(&nic.name));
            if let (Some(mac), Some((typed, writer))) = (nic.mac, there.and_then(|there| there.mac.as_ref()))
                && *typed != mac
                && *writer != ours
            {
                return Some(format!("the MAC address {typed} of interface {}", nic.name));
            }
        }
        let wanted = |address: IpAddr| record.nics.iter().flat_map(|nic| &nic.addresses).any(|on| on.ip() == address);
        let others = self.of.iter().filter(|(node, _)| **node != record.node);
        let all = others.flat_map(|(node, nics)| nics.values().map(move |nic| (node, nic)));
        let held = all.flat_map(|(node, nic)| nic.addresses.iter().map(move |address| (node, address)));
        let mut held = held.filter(|(_, (address, writer))| wanted(address.ip()) && **writer != ours);
        held.next().map(|(node, (address, _))| format!("the address {address} of {node}"))
    }

    /// Writes those of a record that nobody else holds; tells whether that changed anything.
    pub(crate) fn write(&mut self, record: &NodeRecord, owner: &SiteName) -> bool {
        let (before, ours) = (self.native(&record.node), Holder::Site(owner.clone()));
        let wanted: Vec<IpNetwork> = record.nics.iter().flat_map(|nic| &nic.addresses).copied().collect();
        for nic in self.of.values_mut().flat_map(BTreeMap::values_mut) {
            // An address of ours moves.
            nic.addresses.retain(|address, writer| *writer != ours || !wanted.iter().any(|of| of.ip() == address.ip()));
        }
        self.take_away(&record.node, owner, |name| record.nics.iter().any(|nic| nic.name == *name));
        for nic in &record.nics {
            let nics = self.of.entry(record.node.clone()).or_default();
            let new = || Interface { writer: ours.clone(), mac: None, addresses: BTreeMap::new() };
            let there = nics.entry(nic.name.clone()).or_insert_with(new);
            let differs = nic.mac.filter(|mac| there.mac.as_ref().is_none_or(|(now, _)| now != mac));
            there.mac = differs.map(|mac| (mac, ours.clone())).or(there.mac.take());
            for address in &nic.addresses {
                there.addresses.entry(*address).or_insert_with(|| ours.clone());
            }
        }
        let first = record.addresses.iter().find(|address| wanted.iter().any(|on| on.ip() == **address));
        match first {
            Some(first) => drop(self.primary.insert(record.node.clone(), *first)),
            None => drop(self.primary.remove(&record.node)),
        }
        before != self.native(&record.node)
    }

    /// Takes all away that a site wrote of a node.
    pub(crate) fn remove(&mut self, node: &NodeName, owner: &SiteName) {
        self.take_away(node, owner, |_| false);
        self.primary.remove(node);
    }

    /// Takes away what a site wrote of a node; interfaces that are kept lose their addresses alone.
    fn take_away(&mut self, node: &NodeName, owner: &SiteName, kept: impl Fn(&NicName) -> bool) {
        let ours = Holder::Site(owner.clone());
        let Some(nics) = self.of.get_mut(node) else { return };
        for (name, nic) in nics.iter_mut() {
            nic.addresses.retain(|_, writer| *writer != ours);
            if !kept(name) && nic.mac.as_ref().is_some_and(|(_, writer)| *writer == ours) {
                nic.mac = None;
            }
        }
        nics.retain(|name, nic| kept(name) || nic.writer != ours || !nic.addresses.is_empty());
    }

    /// Lets what one site wrote of a node be another's, or a person's.
    pub(crate) fn hand_over(&mut self, node: &NodeName, from: &Holder, to: &Holder) {
        for nic in self.of.get_mut(node).into_iter().flat_map(BTreeMap::values_mut) {
            let of_mac = nic.mac.as_mut().map(|(_, writer)| writer);
            let all = nic.addresses.values_mut().chain(of_mac).chain([&mut nic.writer]);
            all.filter(|writer| **writer == *from).for_each(|writer| writer.clone_from(to));
        }
    }

    /// A record with its interfaces as they are here.
    pub(crate) fn told(&self, mut record: NodeRecord) -> NodeRecord {
        let there = self.of.get(&record.node);
        record.nics = record
            .nics
            .into_iter()
            .filter_map(|nic| {
                let there = there?.get(&nic.name)?;
                let addresses =
                    nic.addresses.into_iter().filter(|address| there.addresses.contains_key(address)).collect();
                let mac = nic.mac.and(there.mac.as_ref().map(|(mac, _)| *mac));
                Some(NicRecord { name: nic.name, mac, addresses })
            })
            .collect();
        record
    }

    /// The interfaces of a node, and the address by which it is known.
    pub(crate) fn native(&self, node: &NodeName) -> (Vec<NicRecord>, Option<IpAddr>) {
        let nics = self.of.get(node).into_iter().flatten().map(|(name, nic)| NicRecord {
            name: name.clone(),
            mac: nic.mac.as_ref().map(|(mac, _)| *mac),
            addresses: nic.addresses.keys().copied().collect(),
        });
        (nics.collect(), self.primary.get(node).copied())
    }

    /// Writes an interface as a person would.
    pub(crate) fn put(&mut self, node: &NodeName, nic: &NicRecord) {
        let there = Interface {
            writer: Holder::Nobody,
            mac: nic.mac.map(|mac| (mac, Holder::Nobody)),
            addresses: nic.addresses.iter().map(|address| (*address, Holder::Nobody)).collect(),
        };
        self.of.entry(node.clone()).or_default().insert(nic.name.clone(), there);
    }

    /// Changes a MAC address as a person would who does not look whose it is.
    pub(crate) fn change_mac(&mut self, node: &NodeName, nic: &NicName, mac: MacAddr) {
        if let Some(there) = self.of.get_mut(node).and_then(|nics| nics.get_mut(nic)) {
            let writer = there.mac.take().map_or(Holder::Nobody, |(_, writer)| writer);
            there.mac = Some((mac, writer));
        }
    }
}
