//! What steps waited for, and how long: the limit that binds a run is told by its report.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::Schedule;
use crate::id::StepId;

/// A limit that steps waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// What it is: `lock zone/lab.example`, `workers`, `cluster store`, `windows`.
    pub what: String,
    /// How much of it there is, where that is a number.
    pub capacity: Option<u32>,
    /// Why not more.
    pub reason: String,
    /// How often a step waited for it.
    pub waits: u32,
    /// How long all steps together waited for it.
    pub waited: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum For {
    Workers,
    Lock(u32),
    Budget(u32),
    Window,
}

#[derive(Debug, Default)]
pub(super) struct Waited {
    now: Option<Timestamp>,
    /// How many steps are kept from starting by nothing but the number of workers.
    queued: usize,
    waiting: HashMap<StepId, (For, Timestamp)>,
    sums: BTreeMap<For, (u32, Duration)>,
}

impl Waited {
    /// Time goes on.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(before) = self.now
            && self.queued > 0
        {
            let each = Duration::try_from(now.duration_since(before)).unwrap_or_default();
            let sum = &mut self.sums.entry(For::Workers).or_default().1;
            *sum = sum.saturating_add(each.saturating_mul(u32::try_from(self.queued).unwrap_or(u32::MAX)));
        }
        self.now = Some(now);
    }

    /// A record tells a time. Whoever only reads records counts nothing: what steps wait for is decided by who polls.
    pub(super) fn tell(&mut self, at: Timestamp) {
        if self.now.is_some_and(|now| now < at) {
            self.advance(at);
        }
    }

    /// So many steps wait until the next look for a worker, where all work.
    pub(super) fn queue(&mut self, ready: usize, all_work: bool) {
        let queued = if all_work { ready } else { 0 };
        if queued > self.queued {
            let more = u32::try_from(queued - self.queued).unwrap_or(u32::MAX);
            let waits = &mut self.sums.entry(For::Workers).or_default().0;
            *waits = waits.saturating_add(more);
        }
        self.queued = queued;
    }

    pub(super) fn begin(&mut self, step: StepId, what: For) {
        if let Some(now) = self.now {
            self.waiting.entry(step).or_insert((what, now));
        }
    }

    pub(super) fn end(&mut self, step: StepId) {
        if let (Some((what, since)), Some(now)) = (self.waiting.remove(&step), self.now) {
            let sum = self.sums.entry(what).or_default();
            let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            *sum = (sum.0.saturating_add(1), sum.1.saturating_add(waited));
        }
    }

    /// Since when a step waits.
    pub(super) fn since(&self, step: StepId) -> Option<Timestamp> {
        self.waiting.get(&step).map(|(_, since)| *since)
    }
}

impl Schedule {
    /// What the steps waited for, the longest first; what nobody waited for is left out.
    #[must_use]
    pub fn bounds(&self) -> Vec<Bound> {
        let bound = |(what, (waits, waited)): (&For, &(u32, Duration))| {
            let (waits, waited) = (*waits, *waited);
            let (what, capacity, reason) = match what {
                For::Workers => {
                    let reason = "it protects the servers at the other end";
                    ("workers".to_owned(), u32::try_from(self.limits.workers()).ok(), reason.to_owned())
                }
                For::Lock(lock) => {
                    let name = self.locks.name(*lock).as_str();
                    let reason = self.limits.reason(name).to_owned();
                    (format!("lock {name}"), Some(self.limits.capacity(name)), reason)
                }
                For::Budget(budget) => {
                    let of = &self.plan.budgets().list()[*budget as usize];
                    (of.name.to_string(), of.max_unavailable, "so many of its members may be away at once".to_owned())
                }
                For::Window => ("windows".to_owned(), None, "disruptive steps wait for a window".to_owned()),
            };
            Bound { what, capacity, reason, waits, waited }
        };
        let mut bounds: Vec<Bound> =
            self.waited.sums.iter().map(bound).filter(|bound| !bound.waited.is_zero()).collect();
        bounds.sort_by(|a, b| b.waited.cmp(&a.waited).then_with(|| a.what.cmp(&b.what)));
        bounds
    }

    /// Since when a step waits for a lock, a budget or a window.
    #[must_use]
    pub fn waits_since(&self, step: StepId) -> Option<Timestamp> {
        self.waited.since(step)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)?;
        if let Some(capacity) = self.capacity {
            write!(f, " ({capacity} at once)")?;
        }
        write!(f, ": {} waits, {:.1} s together; {}", self.waits, self.waited.as_secs_f64(), self.reason)
    }
}
