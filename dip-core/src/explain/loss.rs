//! What a node loses when things of its site fail: its feeds, its links, itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Thing;
use crate::id::{NetworkName, NodeName, PduName, RackName, SwitchName};
use crate::site::{Nic, Node, OutletRef, PortRef, Site};

/// All that fails at once.
#[derive(Debug, Default)]
pub(super) struct Failed<'a> {
    racks: BTreeSet<&'a RackName>,
    nodes: BTreeSet<&'a NodeName>,
    pdus: BTreeSet<&'a PduName>,
    outlets: BTreeSet<&'a OutletRef>,
    switches: BTreeSet<&'a SwitchName>,
    ports: BTreeSet<&'a PortRef>,
    pub(super) networks: BTreeSet<&'a NetworkName>,
}

impl<'a> Failed<'a> {
    /// What fails with a thing: with a rack all that stands in it, its switches and PDUs too.
    pub(super) fn with(site: &'a Site, thing: &'a Thing) -> Self {
        let mut failed = Self::default();
        match thing {
            Thing::Rack(name) => {
                failed.racks.insert(name);
            }
            Thing::Row(row) => {
                let racks = site.racks.values().filter(|rack| rack.row.as_ref() == Some(row));
                failed.racks.extend(racks.map(|rack| &rack.name));
            }
            Thing::Pdu(name) => drop(failed.pdus.insert(name)),
            Thing::Outlet(outlet) => drop(failed.outlets.insert(outlet)),
            Thing::Switch(name) => drop(failed.switches.insert(name)),
            Thing::Port(port) => drop(failed.ports.insert(port)),
            Thing::Network(name) => drop(failed.networks.insert(name)),
            Thing::Node(name) => drop(failed.nodes.insert(name)),
            Thing::Service(_) => {}
        }
        let stands = |rack: &Option<RackName>| rack.as_ref().is_some_and(|rack| failed.racks.contains(rack));
        failed.switches.extend(site.switches.values().filter(|switch| stands(&switch.rack)).map(|switch| &switch.name));
        failed.pdus.extend(site.pdus.values().filter(|pdu| stands(&pdu.rack)).map(|pdu| &pdu.name));
        failed
    }

    /// What a node loses by it.
    pub(super) fn loss<'n>(&self, node: &'n Node) -> Loss<'n> {
        let stands = node.rack.as_ref().is_some_and(|rack| self.racks.contains(rack));
        let feeds_lost = node.outlets.iter().filter(|outlet| self.feed_fails(outlet)).count();
        let mut networks: BTreeMap<&NetworkName, Links> = BTreeMap::new();
        for nic in node.nics.values() {
            let Some(network) = &nic.network else { continue };
            let links = networks.entry(network).or_default();
            if self.link_fails(nic, network) { links.lost += 1 } else { links.left += 1 }
        }
        Loss {
            fate: if stands || self.nodes.contains(&node.name) { Fate::Gone } else { Fate::Stands },
            feeds: Links { lost: feeds_lost, left: node.outlets.len() - feeds_lost },
            networks,
            primary: node.primary_nic().and_then(|nic| nic.network.as_ref()),
        }
    }

    fn feed_fails(&self, outlet: &OutletRef) -> bool {
        self.pdus.contains(&outlet.pdu) || self.outlets.contains(outlet)
    }

    /// An interface whose cable nobody wrote down is taken to stay: what is not known does not fail.
    fn link_fails(&self, nic: &Nic, network: &NetworkName) -> bool {
        let fails = |link: &PortRef| self.switches.contains(&link.switch) || self.ports.contains(link);
        self.networks.contains(network) || nic.link.as_ref().is_some_and(fails)
    }
}

/// How many of something are lost, and how many are left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) lost: usize,
    pub(super) left: usize,
}

impl Links {
    pub(super) const fn all_lost(self) -> bool {
        self.lost > 0 && self.left == 0
    }

    pub(super) const fn some_lost(self) -> bool {
        self.lost > 0 && self.left > 0
    }
}

/// Whether a node itself fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Gone,
    Stands,
}

/// What one node loses.
#[derive(Debug)]
pub(super) struct Loss<'n> {
    pub(super) fate: Fate,
    pub(super) feeds: Links,
    pub(super) networks: BTreeMap<&'n NetworkName, Links>,
    primary: Option<&'n NetworkName>,
}

impl Loss<'_> {
    /// Whether it runs no more: it is gone itself, or without power.
    pub(super) fn is_down(&self) -> bool {
        self.fate == Fate::Gone || self.feeds.all_lost()
    }

    /// Whether others can no more rely on it: it is down, or cut off from the network by which it is known.
    pub(super) fn is_away(&self) -> bool {
        let cut_off = self.primary.and_then(|primary| self.networks.get(primary)).is_some_and(|links| links.all_lost());
        self.is_down() || cut_off
    }
}
