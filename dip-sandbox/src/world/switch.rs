//! A switch's ports.

use std::collections::BTreeMap;

use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::Site;
use dip_network::provider::{PortMode, PortState};

/// The VLAN that all ports are in at first: none of the site's.
pub(crate) const PARKING: u16 = 999;

/// The ports of one switch by their names.
#[derive(Debug)]
pub(crate) struct Ports(BTreeMap<String, PortState>);

impl Ports {
    /// The ports of all managed switches of a site: those that it lists, and those that it links to.
    pub(crate) fn of(site: &Site) -> BTreeMap<SwitchName, Self> {
        let managed = site.switches.values().filter(|switch| switch.driver.is_some());
        let mut switches: BTreeMap<_, _> = managed
            .map(|switch| {
                let listed = switch.ports.iter().map(|port| (port.clone(), parked()));
                (switch.name.clone(), Self(listed.collect()))
            })
            .collect();
        for port in site.nodes.values().flat_map(|node| node.nics.values()).filter_map(|nic| nic.link.as_ref()) {
            if let Some(switch) = switches.get_mut(&port.switch) {
                switch.0.entry(port.port.clone()).or_insert_with(parked);
            }
        }
        switches
    }

    pub(crate) fn state(&self, port: &str) -> Option<&PortState> {
        self.0.get(port)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &PortState)> {
        self.0.iter()
    }

    /// Puts a port into a VLAN; tells whether that changed anything. `None` where there is no such port.
    pub(crate) fn set(&mut self, port: &str, vlan: VlanId, owner: Option<&SiteName>) -> Option<bool> {
        let state = self.0.get_mut(port)?;
        let wanted = PortState { mode: PortMode::Access, vlan: Some(vlan), trunks: Vec::new(), owner: owner.cloned() };
        let changes = *state != wanted;
        *state = wanted;
        Some(changes)
    }

    /// Takes the mark off a port. `None` where there is no such port.
    pub(crate) fn disown(&mut self, port: &str) -> Option<bool> {
        self.0.get_mut(port).map(|state| state.owner.take().is_some())
    }

    /// Lets a person turn a port into something else, by hand.
    pub(crate) fn replace(&mut self, port: &str, state: PortState) {
        self.0.insert(port.to_owned(), state);
    }
}

fn parked() -> PortState {
    PortState { mode: PortMode::Access, vlan: VlanId::try_from(PARKING).ok(), trunks: Vec::new(), owner: None }
}
