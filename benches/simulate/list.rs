//! List scheduling by a rule, independent of dip's schedule: whoever is ready and fits starts, in the order of the rule.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Instance;

/// Who comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Who was ready first.
    Fifo,
    /// Who has the longest way behind it.
    LongestWay,
    /// The same, where a step that takes a lock counts for no less than the work that stands in line behind it at that lock: a
    /// lock that is to be busy to the end must not be kept waiting by those who have longer ways and need no lock.
    Line,
}

/// The makespan in milliseconds, where `expected` are the durations that the rule is told.
pub(crate) fn list(instance: &Instance, rule: Rule, expected: &[u64]) -> u64 {
    let mut list = List::new(instance, rule, expected);
    let free: Vec<usize> = (0..instance.tasks.len()).filter(|&task| list.open[task] == 0).collect();
    free.into_iter().for_each(|task| list.arrive(task));
    let mut now = 0;
    loop {
        list.start(now);
        let Some(Reverse((end, task))) = list.running.pop() else { return now };
        now = end;
        list.end(task);
        while let Some(&Reverse((end, task))) = list.running.peek()
            && end == now
        {
            list.running.pop();
            list.end(task);
        }
    }
}

struct List<'a> {
    instance: &'a Instance,
    /// How many of the needs of each task are open: those of `after`, and one for a quorum.
    open: Vec<usize>,
    quorum: Vec<usize>,
    behind: Vec<Vec<(usize, bool)>>,
    keys: Vec<u64>,
    rule: Rule,
    arrived: u64,
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    parked: Vec<BinaryHeap<Reverse<(u64, usize)>>>,
    held: Vec<u32>,
    running: BinaryHeap<Reverse<(u64, usize)>>,
}

impl<'a> List<'a> {
    fn new(instance: &'a Instance, rule: Rule, expected: &[u64]) -> Self {
        let count = instance.tasks.len();
        let mut behind = vec![Vec::new(); count];
        for (index, task) in instance.tasks.iter().enumerate() {
            task.after.iter().for_each(|before| behind[*before].push((index, false)));
            if let Some((_, of)) = &task.quorum {
                of.iter().for_each(|before| behind[*before].push((index, true)));
            }
        }
        let mut heights = heights(&behind, expected, &vec![0; count]);
        if rule == Rule::Line {
            heights = self::heights(&behind, expected, &lines(instance, expected, &heights));
        }
        Self {
            instance,
            open: instance.tasks.iter().map(|task| task.after.len() + usize::from(task.quorum.is_some())).collect(),
            quorum: instance.tasks.iter().map(|task| task.quorum.as_ref().map_or(0, |(count, _)| *count)).collect(),
            behind,
            keys: heights.into_iter().map(|height| u64::MAX - height).collect(),
            rule,
            arrived: 0,
            ready: BinaryHeap::new(),
            parked: vec![BinaryHeap::new(); instance.locks.len()],
            held: vec![0; instance.locks.len()],
            running: BinaryHeap::new(),
        }
    }

    fn arrive(&mut self, task: usize) {
        if self.rule == Rule::Fifo {
            self.keys[task] = self.arrived;
            self.arrived += 1;
        }
        self.ready.push(Reverse((self.keys[task], task)));
    }

    fn start(&mut self, now: u64) {
        while self.running.len() < self.instance.workers
            && let Some(Reverse((key, task))) = self.ready.pop()
        {
            let one = &self.instance.tasks[task];
            if let Some((lock, weight)) = one.lock {
                if self.held[lock] + weight > self.instance.locks[lock].1 {
                    self.parked[lock].push(Reverse((key, task)));
                    continue;
                }
                self.held[lock] += weight;
            }
            self.running.push(Reverse((now + one.millis, task)));
        }
    }

    fn end(&mut self, task: usize) {
        if let Some((lock, weight)) = self.instance.tasks[task].lock {
            self.held[lock] -= weight;
            // All that may fit now is tried again, in its order.
            let mut free = self.instance.locks[lock].1 - self.held[lock];
            while free > 0
                && let Some(waiting) = self.parked[lock].pop()
            {
                free = free.saturating_sub(self.instance.tasks[waiting.0.1].lock.map_or(1, |(_, weight)| weight));
                self.ready.push(waiting);
            }
        }
        for (next, is_quorum) in std::mem::take(&mut self.behind[task]) {
            if is_quorum {
                if self.quorum[next] == 0 {
                    continue;
                }
                self.quorum[next] -= 1;
                if self.quorum[next] > 0 {
                    continue;
                }
            }
            self.open[next] -= 1;
            if self.open[next] == 0 {
                self.arrive(next);
            }
        }
    }
}

/// The longest way behind each task, itself included, and no less than its `least`.
fn heights(behind: &[Vec<(usize, bool)>], expected: &[u64], least: &[u64]) -> Vec<u64> {
    let mut heights = vec![0_u64; expected.len()];
    for task in (0..expected.len()).rev() {
        let below = behind[task].iter().map(|(next, _)| heights[*next]).max().unwrap_or(0);
        heights[task] = (below + expected[task]).max(least[task]);
    }
    heights
}

/// How long each task's lock is busy with it and with those after it, where those with the longest ways behind them go first.
fn lines(instance: &Instance, expected: &[u64], heights: &[u64]) -> Vec<u64> {
    let mut last_first: Vec<usize> = (0..expected.len()).filter(|task| instance.tasks[*task].lock.is_some()).collect();
    last_first.sort_unstable_by_key(|task| (heights[*task], Reverse(*task)));
    let mut work = vec![0_u64; instance.locks.len()];
    let mut lines = vec![0; expected.len()];
    for task in last_first {
        if let Some((lock, weight)) = instance.tasks[task].lock {
            work[lock] += expected[task] * u64::from(weight);
            lines[task] = work[lock] / u64::from(instance.locks[lock].1);
        }
    }
    lines
}
