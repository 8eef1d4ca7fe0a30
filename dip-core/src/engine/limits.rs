//! How much may go on at once: few limits, each with its reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Symbol;
use crate::layer::Layers;
use crate::site::{Limit, Site, limit_of};

/// Limits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many steps are worked on at once. A worker is a task and a few sockets, so the number protects the servers at
    /// the other end: 128 keeps within the sessions that common DNS, DHCP and SSH servers take by default, spread over them.
    pub workers: usize,
    /// How much of each lock may be in use, by its name or by the start of names before a last `*`.
    pub locks: BTreeMap<Symbol, Limit>,
}

/// What is true of a lock that nobody said anything about.
const ALONE: &str = "nobody said that it bears more than one at a time";

impl Default for Limits {
    fn default() -> Self {
        Self { workers: 128, locks: BTreeMap::new() }
    }
}

impl Limits {
    /// What the layers know of their servers, and over it what the site file says.
    #[must_use]
    pub fn of(site: &Site, layers: &Layers) -> Self {
        let said = site.conduct.limits.values().cloned();
        layers.iter().flat_map(|layer| layer.limits(site)).chain(said).fold(Self::default(), Self::with)
    }

    /// Adds a limit, in place of a former one of the same name.
    #[must_use]
    pub fn with(mut self, limit: Limit) -> Self {
        self.locks.insert(limit.lock.clone(), limit);
        self
    }

    /// How many steps are worked on at once: at least one, or a run would never end.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.max(1)
    }

    /// How many units of a lock may be in use; one where nobody said anything.
    #[must_use]
    pub fn capacity(&self, lock: &str) -> u32 {
        self.find(lock).map_or(1, |limit| limit.capacity.max(1))
    }

    /// Why not more of a lock may be in use.
    #[must_use]
    pub fn reason(&self, lock: &str) -> &str {
        self.find(lock).map_or(ALONE, |limit| &limit.reason)
    }

    fn find(&self, lock: &str) -> Option<&Limit> {
        limit_of(&self.locks, lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(lock: &str, capacity: u32) -> Limit {
        Limit { lock: lock.into(), capacity, reason: format!("{lock} bears {capacity}"), origin: None }
    }

    #[test]
    fn a_name_wins_over_its_start_and_a_longer_start_over_a_shorter_one() {
        let limits = Limits::default().with(limit("bmc/*", 2)).with(limit("bmc/r1-*", 3)).with(limit("bmc/r1-n1", 4));
        assert_eq!(["bmc/r1-n1", "bmc/r1-n2", "bmc/r2-n1", "zone/x"].map(|lock| limits.capacity(lock)), [4, 3, 2, 1]);
        assert_eq!(limits.reason("bmc/r2-n9"), "bmc/* bears 2");
        assert_eq!(limits.reason("zone/x"), ALONE);
        assert_eq!(Limits::default().with(limit("none", 0)).capacity("none"), 1, "or a run would never end");
    }
}
