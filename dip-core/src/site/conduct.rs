//! How work at a site is conducted: how much at once, when, and how far one run may go.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClusterPolicy, Origin, Window};
use crate::id::{NodeName, Symbol};

/// What the site says of every run, whatever it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// Limits by the locks that they are for: a lock's name, or `prefix/*` for every lock that begins so.
    #[serde(default)]
    pub limits: BTreeMap<Symbol, Limit>,
    /// When changes may be made, in the order of their names; at any time where there are none.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// When no change may be made, whatever the windows say, in the order of their names.
    #[serde(default)]
    pub freezes: Vec<Freeze>,
    /// What one run may do at most.
    #[serde(default)]
    pub ceilings: Ceilings,
    /// Who must have said yes to a plan before it is run.
    #[serde(default, skip_serializing_if = "Approvals::is_none")]
    pub approvals: Approvals,
    /// Groups of nodes outside of clusters that have a budget too.
    #[serde(default)]
    pub rollouts: BTreeMap<Symbol, Rollout>,
}

/// How much of a lock may be in use at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The lock, or `prefix/*` for every lock that begins so, each for itself.
    pub lock: Symbol,
    /// How many units there are, 1 or more.
    pub capacity: u32,
    /// Why so many and not more; it is told where somebody waits for it.
    pub reason: String,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// A span of time without changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its name.
    pub name: Symbol,
    /// When it begins.
    pub from: Timestamp,
    /// When it is over: the first moment at which changes may be made again.
    pub until: Timestamp,
    /// Why; it is told to who waits for its end.
    pub reason: String,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// What one run may do at most, a guard against a bad merge; `None` is the engine's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// How many things it may remove.
    #[serde(default)]
    pub removals: Option<u32>,
    /// How many times it may erase data.
    #[serde(default)]
    pub erasures: Option<u32>,
    /// How many times it may boot a node.
    #[serde(default)]
    pub reboots: Option<u32>,
}

/// Who must have said yes to a plan before it is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many different people.
    pub required: u32,
    /// Whether the one who made the plan may not be one of them.
    pub separate: bool,
}

impl Approvals {
    /// Whether nobody has to.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Nodes that share a budget without being a cluster: a rack of plain nodes, all nodes of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its name.
    pub name: Symbol,
    /// Its nodes, in the order in which they stand in the site file, those of a profile in the order of their names.
    pub nodes: Vec<NodeName>,
    /// What must hold while they are changed.
    pub policy: ClusterPolicy,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// Changes may not be made now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// What closes the site.
    pub by: ClosedBy,
    /// Why, in words for a person.
    pub reason: String,
    /// When it opens again, all freezes and windows taken together.
    pub until: Timestamp,
}

/// What closes a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// A freeze.
    Freeze(Symbol),
    /// No window is open; this one opens next.
    Window(Symbol),
}

impl Conduct {
    /// A conduct that says nothing: any time is right, and the defaults of the engine hold.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limits: BTreeMap::new(),
            windows: Vec::new(),
            freezes: Vec::new(),
            ceilings: Ceilings { removals: None, erasures: None, reboots: None },
            approvals: Approvals { required: 0, separate: false },
            rollouts: BTreeMap::new(),
        }
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::new()
    }

    /// The limit of a lock: the one that has its name, else the one with the longest prefix.
    #[must_use]
    pub fn limit(&self, lock: &str) -> Option<&Limit> {
        limit_of(&self.limits, lock)
    }

    /// Whether changes may be made at a moment.
    ///
    /// # Errors
    /// Where they may not: what closes the site, and until when.
    pub fn open(&self, at: Timestamp) -> Result<(), Closed> {
        let Some((by, reason, mut until)) = self.closed(at) else { return Ok(()) };
        // Each freeze ends once, and behind its end a window may have to be waited for.
        for _ in 0..=2 * self.freezes.len() {
            let Some((_, _, later)) = self.closed(until) else { break };
            until = later;
        }
        Err(Closed { by, reason, until })
    }

    /// What closes the site at a moment, and when that alone ends.
    fn closed(&self, at: Timestamp) -> Option<(ClosedBy, String, Timestamp)> {
        let active = self.freezes.iter().filter(|freeze| freeze.from <= at && at < freeze.until);
        // Of several the one that lasts: it is the one to wait for.
        if let Some(freeze) = active.max_by_key(|freeze| freeze.until) {
            return Some((ClosedBy::Freeze(freeze.name.clone()), freeze.reason.clone(), freeze.until));
        }
        if self.windows.is_empty() || self.windows.iter().any(|window| window.contains(at)) {
            return None;
        }
        let opens = self.windows.iter().filter_map(|window| Some((window.next(at)?, window)));
        let (until, window) = opens.min_by_key(|(start, _)| *start)?;
        Some((ClosedBy::Window(window.name.clone()), format!("changes are made {window}"), until))
    }
}

/// The limit that has the name of a lock, else the one with the longest prefix.
pub(crate) fn limit_of<'a>(limits: &'a BTreeMap<Symbol, Limit>, lock: &str) -> Option<&'a Limit> {
    let within = |limit: &&Limit| limit.lock.as_str().strip_suffix('*').is_some_and(|prefix| lock.starts_with(prefix));
    let by_prefix = || limits.values().filter(within).max_by_key(|limit| limit.lock.as_str().len());
    limits.get(lock).or_else(by_prefix)
}

impl fmt::Display for ClosedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Freeze(name) => write!(f, "the freeze `{name}` lasts"),
            Self::Window(name) => write!(f, "the window `{name}` is not open yet"),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no changes until {}: {} ({})", self.until, self.by, self.reason)
    }
}

impl std::error::Error for Closed {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn freeze(name: &str, from: &str, until: &str) -> Freeze {
        Freeze { name: name.into(), from: at(from), until: at(until), reason: format!("why {name}"), origin: None }
    }

    fn nights() -> Window {
        Window::every_day("nights", "22:00", "05:00", "UTC").expect("a window")
    }

    #[test]
    fn without_windows_and_freezes_any_time_is_right() {
        assert_eq!(Conduct::new().open(Timestamp::MIN), Ok(()));
        assert_eq!(Conduct::new().open(Timestamp::MAX), Ok(()));
    }

    #[test]
    fn outside_of_the_windows_the_next_one_is_told() {
        let conduct = Conduct { windows: vec![nights()], ..Conduct::new() };
        assert_eq!(conduct.open(at("2026-05-06T23:00:00Z")), Ok(()));
        let closed = conduct.open(at("2026-05-06T05:00:00Z")).expect_err("it is day");
        assert_eq!(
            closed.to_string(),
            "no changes until 2026-05-06T22:00:00Z: the window `nights` is not open yet (changes are made every day from 22:00 to 05:00, UTC)"
        );
    }

    #[test]
    fn a_freeze_wins_over_an_open_window_and_its_end_waits_for_the_next_one() {
        let conduct = Conduct {
            windows: vec![nights()],
            freezes: vec![
                freeze("audit", "2026-05-06T00:00:00Z", "2026-05-07T12:00:00Z"),
                freeze("fair", "2026-05-07T20:00:00Z", "2026-05-08T06:00:00Z"),
            ],
            ..Conduct::new()
        };
        let closed = conduct.open(at("2026-05-06T23:00:00Z")).expect_err("a freeze");
        assert_eq!(closed.by, ClosedBy::Freeze("audit".into()));
        assert_eq!(closed.until, at("2026-05-08T22:00:00Z"), "the night between the two freezes is frozen too");
        assert_eq!(conduct.open(closed.until), Ok(()));
        assert_eq!(conduct.open(at("2026-05-05T23:59:59Z")), Ok(()));
    }

    #[test]
    fn the_nearest_limit_of_a_lock_counts() {
        let limit = |lock: &str, capacity| {
            let limit = Limit { lock: lock.into(), capacity, reason: String::new(), origin: None };
            (limit.lock.clone(), limit)
        };
        let limits = [limit("bmc/*", 8), limit("bmc/r1-*", 4), limit("bmc/r1-n1", 2)].into();
        let conduct = Conduct { limits, ..Conduct::new() };
        let capacity = |lock: &str| conduct.limit(lock).map(|limit| limit.capacity);
        assert_eq!(capacity("bmc/r1-n1"), Some(2));
        assert_eq!(capacity("bmc/r1-n2"), Some(4));
        assert_eq!(capacity("bmc/r2-n1"), Some(8));
        assert_eq!(capacity("zone/lab.example"), None);
    }
}
