//! Who holds how much of which lock, and who waits for it. Those who wait are woken one by one: waking all for each turn would
//! be quadratic. Nobody is overtaken on a lock by somebody whose turn comes later, so that one who needs much is not starved.

use std::collections::{BinaryHeap, HashMap};

use super::Limits;
use crate::id::{StepId, Symbol};
use crate::plan::Plan;
use crate::step::Lock;

/// The locks of a run; `W` is a turn: the greatest is woken first.
#[derive(Debug)]
pub(super) struct Locks<W> {
    locks: Vec<One<W>>,
    /// What each step takes: a range of `wants`.
    ranges: Vec<u32>,
    wants: Vec<Want>,
}

/// A lock.
#[derive(Debug)]
struct One<W> {
    name: Symbol,
    capacity: u32,
    held: u32,
    parked: BinaryHeap<(W, u32)>,
}

/// So much of a lock, by its place in the list of locks.
#[derive(Debug, Clone, Copy)]
struct Want {
    lock: u32,
    weight: u32,
}

impl<W: Ord + Copy> Locks<W> {
    pub(super) fn new(plan: &Plan, limits: &Limits) -> Self {
        let mut all = Self { locks: Vec::new(), ranges: vec![0], wants: Vec::new() };
        let mut known: HashMap<&Symbol, u32> = HashMap::new();
        for planned in plan.steps() {
            let first = all.wants.len();
            for lock in &planned.step.locks {
                let index = *known.entry(lock.name()).or_insert_with(|| all.add(lock, limits));
                // More than there is would never be had: such a step takes all of it.
                let capacity = all.locks[index as usize].capacity;
                match all.wants[first..].iter_mut().find(|want| want.lock == index) {
                    Some(want) => want.weight = want.weight.saturating_add(lock.weight()).min(capacity),
                    None => all.wants.push(Want { lock: index, weight: lock.weight().min(capacity) }),
                }
            }
            all.ranges.push(u32::try_from(all.wants.len()).expect("a plan names fewer than 2^32 locks"));
        }
        all
    }

    fn add(&mut self, lock: &Lock, limits: &Limits) -> u32 {
        let (name, capacity) = (lock.name().clone(), limits.capacity(lock.as_str()));
        self.locks.push(One { name, capacity, held: 0, parked: BinaryHeap::new() });
        u32::try_from(self.locks.len() - 1).expect("a plan names fewer than 2^32 locks")
    }

    /// For each step how long it takes at least until it and all that come after it in the line of a lock are done, where those
    /// with the longest way behind them go first; zero for one that takes no lock.
    pub(super) fn lines(&self, ways: &[u64], takes: impl Fn(StepId) -> u32) -> Vec<u64> {
        let steps = self.ranges.len() - 1;
        let mut users: Vec<Vec<(StepId, u32)>> = vec![Vec::new(); self.locks.len()];
        for step in (0..steps).map(StepId::at) {
            for want in &self.wants[self.wants(step)] {
                users[want.lock as usize].push((step, want.weight));
            }
        }
        let mut lines = vec![0_u64; steps];
        for (lock, mut users) in self.locks.iter().zip(users) {
            users.sort_unstable_by_key(|(step, _)| (ways[step.index()], *step));
            let mut sum = 0_u64;
            for (step, weight) in users {
                sum = sum.saturating_add(u64::from(takes(step)) * u64::from(weight));
                let line = &mut lines[step.index()];
                *line = (sum / u64::from(lock.capacity)).max(*line);
            }
        }
        lines
    }

    fn wants(&self, step: StepId) -> std::ops::Range<usize> {
        self.ranges[step.index()] as usize..self.ranges[step.index() + 1] as usize
    }

    /// The first lock of a step that it cannot have now: too much of it is held, or somebody before it waits for it.
    pub(super) fn in_the_way(&self, step: StepId, turn: W) -> Option<u32> {
        let is_free = |want: &Want| {
            let lock = &self.locks[want.lock as usize];
            lock.held + want.weight <= lock.capacity && lock.parked.peek().is_none_or(|(first, _)| *first <= turn)
        };
        self.wants[self.wants(step)].iter().find(|want| !is_free(want)).map(|want| want.lock)
    }

    pub(super) fn name(&self, lock: u32) -> &Symbol {
        &self.locks[lock as usize].name
    }

    pub(super) fn take(&mut self, step: StepId) {
        for index in self.wants(step) {
            let want = self.wants[index];
            self.locks[want.lock as usize].held += want.weight;
        }
    }

    pub(super) fn give_back(&mut self, step: StepId) {
        for index in self.wants(step) {
            let want = self.wants[index];
            let held = &mut self.locks[want.lock as usize].held;
            *held = held.saturating_sub(want.weight);
        }
    }

    /// Lets a step wait for a lock.
    pub(super) fn park(&mut self, lock: u32, step: StepId, turn: W) {
        let weight = self.wants[self.wants(step)].iter().find(|want| want.lock == lock).map_or(1, |want| want.weight);
        self.locks[lock as usize].parked.push((turn, weight));
    }

    /// Takes a step out of those who wait for a lock.
    pub(super) fn leave(&mut self, lock: u32, turn: W) {
        self.locks[lock as usize].parked.retain(|(other, _)| *other != turn);
    }

    /// For each lock of a step, the first of those who wait for it, where there is enough for it, to be tried again.
    ///
    /// Call it whenever one of them is given back, and whenever somebody who was woken has taken it or waits for another one:
    /// then a free lock that somebody waits for always has somebody who is about to try it, and no turn is lost.
    pub(super) fn next_in_turn(&mut self, step: StepId) -> Vec<W> {
        let mut woken = Vec::new();
        for index in self.wants(step) {
            let lock = &mut self.locks[self.wants[index].lock as usize];
            if lock.parked.peek().is_some_and(|(_, weight)| lock.held + weight <= lock.capacity) {
                woken.extend(lock.parked.pop().map(|(turn, _)| turn));
            }
        }
        woken
    }
}
