//! A monitoring server's targets, and what it sees when it scrapes them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use dip_core::id::{NodeName, SiteName};
use dip_opsmgmt::provider::{Health, HeldTarget, Target};

use super::World;

/// The longest time between two scrapes.
const SCRAPES_EVERY: Duration = Duration::from_secs(15);

/// The targets of one server.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    held: BTreeMap<Slot, Scraped>,
    by_address: HashMap<String, Slot>,
}

/// Where a target is kept: a site's own place for a node, or somebody else's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Site(SiteName, NodeName),
    Elsewhere(String),
}

#[derive(Debug)]
struct Scraped {
    held: HeldTarget,
    /// When its address was set.
    since: Duration,
}

/// Somebody else holds a target.
#[derive(Debug, thiserror::Error)]
#[error("the target {address} {}", .owner.as_ref().map_or_else(|| "carries nobody's mark".to_owned(), |owner| format!("carries the mark of site `{owner}`")))]
pub(crate) struct ForeignTarget {
    address: String,
    owner: Option<SiteName>,
}

impl Targets {
    pub(crate) fn find(&self, node: &NodeName, owner: &SiteName) -> Option<&HeldTarget> {
        self.held.get(&Slot::Site(owner.clone(), node.clone())).map(|scraped| &scraped.held)
    }

    /// Sets a target; tells whether that changed anything.
    pub(crate) fn set(&mut self, target: &Target, owner: &SiteName, now: Duration) -> Result<bool, ForeignTarget> {
        let slot = Slot::Site(owner.clone(), target.node.clone());
        let own = self.held.get(&slot);
        let at_address = self.by_address.get(&target.address).and_then(|other| self.held.get(other));
        for other in own.into_iter().chain(at_address).map(|scraped| &scraped.held) {
            if other.owner.as_ref() != Some(owner) {
                return Err(ForeignTarget { address: other.target.address.clone(), owner: other.owner.clone() });
            }
        }
        let held = HeldTarget { target: target.clone(), owner: Some(owner.clone()) };
        let before = own.map(|scraped| (scraped.held.clone(), scraped.since));
        if before.as_ref().is_some_and(|(before, _)| *before == held) {
            return Ok(false);
        }
        let since = match &before {
            Some((before, since)) if before.target.address == target.address => *since,
            _ => now,
        };
        if let Some((before, _)) = before {
            self.by_address.remove(&before.target.address);
        }
        self.keep(slot, Scraped { held, since });
        Ok(true)
    }

    /// Removes a site's target; tells whether there was one.
    pub(crate) fn remove(&mut self, node: &NodeName, owner: &SiteName) -> Result<bool, ForeignTarget> {
        let slot = Slot::Site(owner.clone(), node.clone());
        let Some(scraped) = self.held.get(&slot) else { return Ok(false) };
        if scraped.held.owner.as_ref() != Some(owner) {
            let held = &scraped.held;
            return Err(ForeignTarget { address: held.target.address.clone(), owner: held.owner.clone() });
        }
        self.by_address.remove(&scraped.held.target.address);
        self.held.remove(&slot);
        Ok(true)
    }

    /// The targets that carry a site's mark.
    pub(crate) fn owned(&self, owner: &SiteName) -> Vec<Target> {
        self.iter().filter(|held| held.owner.as_ref() == Some(owner)).map(|held| held.target.clone()).collect()
    }

    /// Writes a target of somebody else.
    pub(crate) fn put_elsewhere(&mut self, held: HeldTarget) {
        self.keep(Slot::Elsewhere(held.target.address.clone()), Scraped { held, since: Duration::ZERO });
    }

    /// Takes the mark off a site's target.
    pub(crate) fn unmark(&mut self, node: &NodeName, owner: &SiteName) {
        if let Some(scraped) = self.held.get_mut(&Slot::Site(owner.clone(), node.clone())) {
            scraped.held.owner = None;
        }
    }

    fn keep(&mut self, slot: Slot, scraped: Scraped) {
        self.by_address.insert(scraped.held.target.address.clone(), slot.clone());
        self.held.insert(slot, scraped);
    }

    fn scraped(&self, node: &NodeName, owner: &SiteName) -> Option<(String, Duration)> {
        let scraped = self.held.get(&Slot::Site(owner.clone(), node.clone()))?;
        Some((scraped.held.target.address.clone(), scraped.since))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldTarget> {
        self.held.values().map(|scraped| &scraped.held)
    }
}

impl World {
    /// What a monitoring server says of a site's target for a node.
    pub(crate) fn health(&self, service: &dip_core::id::ServiceName, node: &NodeName, owner: &SiteName) -> Health {
        let found = self.targets(service, |targets| targets.scraped(node, owner)).flatten();
        let Some((address, since)) = found else { return Health::Unknown };
        let first = self.draw.span(&address, "first scrape", 0, (Duration::from_secs(2), SCRAPES_EVERY));
        if self.time.now() < since + first {
            return Health::Unknown;
        }
        match self.scrape(&address) {
            Ok(()) => Health::Up,
            Err(error) => Health::Down { error },
        }
    }

    /// Scrapes the metrics at `host:port`; the words are those of Prometheus.
    pub(crate) fn scrape(&self, address: &str) -> Result<(), String> {
        let url = format!("Get \"http://{address}/metrics\"");
        let Some((host, port)) = address.rsplit_once(':') else { return Err(format!("{url}: no port")) };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let Some(node) = self.node_at(host) else {
            return Err(format!("{url}: dial tcp: lookup {host}: no such host"));
        };
        if self.reach(node).is_err() {
            return Err(format!("{url}: context deadline exceeded"));
        }
        let listens = self.machine(node, |machine| {
            machine.linux.runs_since("prometheus-node-exporter").is_some() && machine.linux.exporter_port() == port
        });
        if listens { Ok(()) } else { Err(format!("{url}: dial tcp {address}: connect: connection refused")) }
    }
}
