//! How much may go on at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::step::Lock;

/// Limits of a run. Few, each with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many steps are worked on at once. A worker is a task and a few sockets, so the number protects the servers at
    /// the other end: 128 keeps within the sessions that common DNS, DHCP and SSH servers take by default, spread over them.
    pub workers: usize,
    /// How many holders a lock may have; one that is not named here has one.
    pub locks: BTreeMap<Lock, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { workers: 128, locks: BTreeMap::new() }
    }
}

impl Limits {
    /// How many steps are worked on at once: at least one, or a run would never end.
    pub(super) fn workers(&self) -> usize {
        self.workers.max(1)
    }

    /// How many holders a lock may have.
    #[must_use]
    pub fn capacity(&self, lock: &Lock) -> usize {
        self.locks.get(lock).copied().unwrap_or(1).max(1)
    }
}
