//! A switch's ports.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::{Port, Site};
use dip_network::provider::{LearnedMac, Neighbour, PortState};

/// The VLAN that all ports are in at first: none of the site's.
pub(crate) const PARKING: u16 = 999;

/// The ports of one switch by their names, and what it knows beside them.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    running: BTreeMap<String, PortState>,
    /// What the switch would start with.
    startup: BTreeMap<String, PortState>,
    /// Changes that are taken back unless they are confirmed, by their numbers.
    unconfirmed: BTreeMap<u64, Unconfirmed>,
    begun: u64,
    /// Who was plugged in by hand.
    pub(crate) heard: Vec<Neighbour>,
    /// What was learned by hand.
    pub(crate) learned: Vec<LearnedMac>,
}

#[derive(Debug)]
struct Unconfirmed {
    port: String,
    before: PortState,
    until: Duration,
}

impl Ports {
    /// The ports of all managed switches of a site: those that it lists, and those that it links to.
    pub(crate) fn of(site: &Site) -> BTreeMap<SwitchName, Self> {
        let managed = site.switches.values().filter(|switch| switch.driver.is_some());
        let mut switches: BTreeMap<_, _> = managed
            .map(|switch| {
                let listed = switch.ports.iter().map(|port| (port.clone(), parked()));
                (switch.name.clone(), Self { running: listed.collect(), ..Self::default() })
            })
            .collect();
        for port in site.nodes.values().flat_map(|node| node.nics.values()).filter_map(|nic| nic.link.as_ref()) {
            if let Some(switch) = switches.get_mut(&port.switch) {
                switch.running.entry(port.port.clone()).or_insert_with(parked);
            }
        }
        switches.values_mut().for_each(Self::save);
        switches
    }

    pub(crate) fn state(&self, port: &str) -> Option<&PortState> {
        self.running.get(port)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &PortState)> {
        self.running.iter()
    }

    /// The site that holds a port, or the link aggregation that it is to join.
    pub(crate) fn holder(&self, port: &str, wanted: Option<&Port>) -> Option<&SiteName> {
        let joins = wanted.and_then(|wanted| wanted.lag.as_ref());
        let members = self
            .running
            .values()
            .filter(|state| joins.is_some_and(|lag| state.lag.as_ref().is_some_and(|own| own.name == lag.name)));
        self.running.get(port).into_iter().chain(members).find_map(|state| state.owner.as_ref())
    }

    /// Makes a port as wanted; tells whether that changed anything. `None` where there is no such port. The VLANs of a link
    /// aggregation are those of all its members.
    pub(crate) fn set(&mut self, port: &str, wanted: &Port, owner: &SiteName) -> Option<bool> {
        let before = self.running.get(port)?.clone();
        let after = before.clone().changed(wanted, owner);
        if let Some(lag) = &wanted.lag {
            let members =
                self.running.values_mut().filter(|state| state.lag.as_ref().is_some_and(|own| own.name == lag.name));
            members.for_each(|state| {
                let vlans = (after.mode, after.vlan, after.native_frames, after.tagged.clone());
                (state.mode, state.vlan, state.native_frames, state.tagged) = vlans;
                state.lag = Some(lag.clone());
            });
        }
        let changes = before != after;
        self.running.insert(port.to_owned(), after);
        Some(changes)
    }

    /// Remembers a port as it is now, to be so again when time is up. `None` where there is no such port.
    pub(crate) fn remember(&mut self, port: &str, until: Duration) -> Option<u64> {
        let before = self.running.get(port)?.clone();
        self.begun += 1;
        self.unconfirmed.insert(self.begun, Unconfirmed { port: port.to_owned(), before, until });
        Some(self.begun)
    }

    /// Keeps a change; `false` where it was taken back.
    pub(crate) fn confirm(&mut self, change: u64) -> bool {
        self.unconfirmed.remove(&change).is_some()
    }

    /// Takes back what nobody confirmed in time.
    pub(crate) fn settle(&mut self, now: Duration) {
        let late: Vec<u64> =
            self.unconfirmed.iter().filter(|(_, change)| change.until <= now).map(|(change, _)| *change).collect();
        for change in late.into_iter().rev() {
            if let Some(Unconfirmed { port, before, .. }) = self.unconfirmed.remove(&change) {
                self.running.insert(port, before);
            }
        }
    }

    pub(crate) fn is_saved(&self) -> bool {
        self.running == self.startup
    }

    pub(crate) fn save(&mut self) {
        self.startup.clone_from(&self.running);
    }

    /// Takes the mark off a port. `None` where there is no such port.
    pub(crate) fn disown(&mut self, port: &str) -> Option<bool> {
        self.running.get_mut(port).map(|state| state.owner.take().is_some())
    }

    /// Lets a person turn a port into something else, by hand.
    pub(crate) fn replace(&mut self, port: &str, state: PortState) {
        self.running.insert(port.to_owned(), state);
    }
}

fn parked() -> PortState {
    PortState::access(VlanId::try_from(PARKING).ok())
}
