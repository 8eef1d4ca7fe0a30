//! Below this no schedule can come.
//!
//! The plainest bound is the longest way, or the work per slot of a lock or of the workers. It cannot be reached where work
//! stands before a lock or behind it, so it is made sharper, and stays a bound: of any set of tasks that share a lock, the first
//! cannot start before the least of their heads, the lock is busy for their work per slot, and behind the last stands the least
//! of their tails. A head tells what must be done before, a tail what must be done after; the head of a barrier counts what the
//! locks before it need.

use std::collections::{BTreeMap, BinaryHeap};

use super::Instance;

/// From so many needs on, a task is a barrier whose head is reckoned over all that comes before it.
const BARRIER: usize = 8;

/// In milliseconds.
pub(crate) fn bound(instance: &Instance) -> u64 {
    let heads = heads(instance);
    let tails = tails(instance);
    let mut by_lock: Vec<Vec<Part>> = vec![Vec::new(); instance.locks.len() + 1];
    for (index, task) in instance.tasks.iter().enumerate() {
        let part = |weight: u32| Part { head: heads[index], work: task.millis * u64::from(weight), tail: tails[index] };
        by_lock[instance.locks.len()].push(part(1));
        if let Some((lock, weight)) = task.lock {
            by_lock[lock].push(part(weight));
        }
    }
    let capacities = instance.locks.iter().map(|(_, capacity)| u64::from(*capacity)).chain([instance.workers as u64]);
    let times = by_lock.into_iter().zip(capacities).map(|(parts, capacity)| busy(parts, capacity));
    times.chain([critical_path(instance)]).max().unwrap_or(0)
}

/// What one task asks of a lock.
#[derive(Debug, Clone, Copy)]
struct Part {
    head: u64,
    work: u64,
    tail: u64,
}

/// The sharpest bound of those with the longest tails, and of those with the longest heads.
fn busy(mut parts: Vec<Part>, capacity: u64) -> u64 {
    let (mut best, mut work, mut least) = (0, 0, u64::MAX);
    parts.sort_unstable_by_key(|part| std::cmp::Reverse(part.tail));
    for part in &parts {
        work += part.work;
        least = least.min(part.head);
        best = best.max(least + work.div_ceil(capacity) + part.tail);
    }
    (work, least) = (0, u64::MAX);
    parts.sort_unstable_by_key(|part| std::cmp::Reverse(part.head));
    for part in &parts {
        work += part.work;
        least = least.min(part.tail);
        best = best.max(part.head + work.div_ceil(capacity) + least);
    }
    best
}

/// When each task can start at the earliest. Tasks stand behind those that they wait for.
fn heads(instance: &Instance) -> Vec<u64> {
    let mut heads: Vec<u64> = Vec::with_capacity(instance.tasks.len());
    for (index, task) in instance.tasks.iter().enumerate() {
        let mut head = ready(instance, index, &heads);
        if task.after.len() >= BARRIER {
            head = head.max(before_barrier(instance, index, &heads));
        }
        heads.push(head);
    }
    heads
}

/// When the needs of a task can be met. A quorum is reached with the last of the first that it needs.
fn ready(instance: &Instance, index: usize, heads: &[u64]) -> u64 {
    let task = &instance.tasks[index];
    let end = |before: &usize| heads[*before] + instance.tasks[*before].millis;
    let all = task.after.iter().map(end).max().unwrap_or(0);
    let quorum = task.quorum.as_ref().map_or(0, |(count, of)| {
        let mut ends: Vec<u64> = of.iter().map(end).collect();
        ends.sort_unstable();
        ends[count - 1]
    });
    all.max(quorum)
}

/// How long the locks are busy with all that stands between a barrier and those before it.
fn before_barrier(instance: &Instance, barrier: usize, heads: &[u64]) -> u64 {
    let mut between: BTreeMap<usize, u64> = instance.tasks[barrier].after.iter().map(|task| (*task, 0)).collect();
    let mut ahead: BinaryHeap<usize> = between.keys().copied().collect();
    let mut by_lock: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
    // The latest task first: all that stand behind it within the set have told it their tails.
    while let Some(index) = ahead.pop() {
        let (task, tail) = (&instance.tasks[index], between[&index]);
        if let Some((lock, weight)) = task.lock {
            let part = Part { head: heads[index], work: task.millis * u64::from(weight), tail };
            by_lock.entry(lock).or_default().push(part);
        }
        if task.after.len() >= BARRIER {
            continue;
        }
        for before in &task.after {
            let longest = between.entry(*before).or_insert_with(|| {
                ahead.push(*before);
                0
            });
            *longest = (*longest).max(tail + task.millis);
        }
    }
    by_lock.into_iter().map(|(lock, parts)| busy(parts, u64::from(instance.locks[lock].1))).max().unwrap_or(0)
}

/// What must be done behind each task. One of a quorum may be one that nobody waits for.
fn tails(instance: &Instance) -> Vec<u64> {
    let mut tails = vec![0_u64; instance.tasks.len()];
    for (index, task) in instance.tasks.iter().enumerate().rev() {
        let own = tails[index] + task.millis;
        for before in &task.after {
            tails[*before] = tails[*before].max(own);
        }
    }
    tails
}

/// The longest way.
pub(crate) fn critical_path(instance: &Instance) -> u64 {
    let mut heads: Vec<u64> = Vec::with_capacity(instance.tasks.len());
    for index in 0..instance.tasks.len() {
        heads.push(ready(instance, index, &heads));
    }
    heads.iter().zip(&instance.tasks).map(|(head, task)| head + task.millis).max().unwrap_or(0)
}
