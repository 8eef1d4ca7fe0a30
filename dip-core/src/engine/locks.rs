//! Who holds which lock, and who waits for it. Those who wait are woken one by one: waking all for each turn would be quadratic.

use std::collections::{BTreeMap, BinaryHeap};

use super::Limits;
use crate::step::Lock;

/// The locks of a run; `W` is somebody who waits, the greatest is woken first.
#[derive(Debug)]
pub(super) struct Locks<W> {
    held: BTreeMap<Lock, usize>,
    parked: BTreeMap<Lock, BinaryHeap<W>>,
}

impl<W: Ord> Locks<W> {
    pub(super) const fn new() -> Self {
        Self { held: BTreeMap::new(), parked: BTreeMap::new() }
    }

    /// The first of these locks that has as many holders as it may have.
    pub(super) fn in_the_way<'a>(&self, wanted: &'a [Lock], limits: &Limits) -> Option<&'a Lock> {
        wanted.iter().find(|lock| !self.is_free(lock, limits))
    }

    fn is_free(&self, lock: &Lock, limits: &Limits) -> bool {
        self.held.get(lock).is_none_or(|held| *held < limits.capacity(lock))
    }

    pub(super) fn take(&mut self, locks: &[Lock]) {
        for lock in locks {
            *self.held.entry(lock.clone()).or_default() += 1;
        }
    }

    pub(super) fn give_back(&mut self, locks: &[Lock]) {
        for lock in locks {
            if let Some(held) = self.held.get_mut(lock) {
                *held = held.saturating_sub(1);
            }
        }
    }

    /// Lets somebody wait for a lock.
    pub(super) fn park(&mut self, lock: &Lock, who: W) {
        self.parked.entry(lock.clone()).or_default().push(who);
    }

    /// For each of these locks that is free, one of those who wait for it, to be tried again.
    ///
    /// Call it whenever one of them is given back, and whenever somebody who was woken has taken it or waits for another one:
    /// then a free lock that somebody waits for always has somebody who is about to try it, and no turn is lost.
    pub(super) fn next_in_turn(&mut self, locks: &[Lock], limits: &Limits) -> Vec<W> {
        let mut woken = Vec::new();
        // Most runs have nobody waiting most of the time.
        if self.parked.is_empty() {
            return woken;
        }
        for lock in locks.iter().filter(|lock| self.is_free(lock, limits)).collect::<Vec<_>>() {
            if let Some(waiting) = self.parked.get_mut(lock) {
                woken.extend(waiting.pop());
                if waiting.is_empty() {
                    self.parked.remove(lock);
                }
            }
        }
        woken
    }
}
