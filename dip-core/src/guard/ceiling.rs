//! Ceilings: how much one run may remove, erase and reboot, whatever its plan says. A guard against a bad merge.

use std::collections::{BTreeMap, BTreeSet};

use super::belonging::Belonging;
use crate::id::{NodeName, StepId};
use crate::plan::Plan;
use crate::site::Ceilings;
use crate::step::{Environment, Hazard};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Things that something is removed of: a node counts once, however many of its records go; what belongs to no node counts
    /// for itself.
    Removals,
    /// Steps that erase data.
    Erasures,
    /// How often nodes that run their installed system are taken out of it. The boots of a node that did not run when the
    /// plan was made take nothing from anybody, and do not count.
    Reboots,
}

/// Who said where a ceiling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Nobody: it is the engine's own.
    Default,
    /// The site file.
    Site,
    /// Whoever runs the plan.
    Caller,
}

/// How far one run may go in one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// What is counted.
    pub measure: Measure,
    /// How many there may be.
    pub most: u32,
    /// Who said so.
    pub source: Source,
}

/// No site is so small that removing three things is a bad merge.
const FEW_REMOVALS: usize = 3;
/// More than a tenth of a site does not go at once, except on purpose.
const REMOVED_SHARE: usize = 10;
/// Each erasure has a consent of its own; more than ten in one run are no longer read one by one.
const ERASURES: u32 = 10;
/// A rack that is rebooted by hand is seldom larger.
const FEW_REBOOTS: usize = 5;
/// A quarter of a site away at once is what most can bear; more is a change of all, and said so.
const REBOOTED_SHARE: usize = 4;

impl Ceiling {
    /// The ceilings of a run: what its caller says, else what the site says, else the defaults.
    ///
    /// | ceiling | default | why |
    /// |---|---|---|
    /// | removals | 3, or a tenth of the site's nodes | more never goes at once, except on purpose |
    /// | erasures | 10, each with its consent | more are no longer read one by one |
    /// | reboots | 5, or a quarter of the nodes wanted ready | what most sites can bear to be away |
    #[must_use]
    pub fn all(plan: &Plan, caller: &Ceilings) -> [Self; 3] {
        let site = plan.site();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let removals = count(FEW_REMOVALS.max(site.nodes.len() / REMOVED_SHARE));
        let reboots = count(FEW_REBOOTS.max(site.ready_nodes().count() / REBOOTED_SHARE));
        let said = &site.conduct.ceilings;
        [
            Self::of(Measure::Removals, caller.removals, said.removals, removals),
            Self::of(Measure::Erasures, caller.erasures, said.erasures, ERASURES),
            Self::of(Measure::Reboots, caller.reboots, said.reboots, reboots),
        ]
    }

    fn of(measure: Measure, caller: Option<u32>, site: Option<u32>, default: u32) -> Self {
        let (most, source) = match (caller, site) {
            (Some(most), _) => (most, Source::Caller),
            (None, Some(most)) => (most, Source::Site),
            (None, None) => (default, Source::Default),
        };
        Self { measure, most, source }
    }
}

/// What of each measure a plan does: how often, and to what.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) count: usize,
    pub(super) which: BTreeSet<String>,
}

impl Tally {
    pub(super) fn of(measure: Measure, plan: &Plan, belonging: &Belonging<'_>) -> Self {
        match measure {
            Measure::Removals => Self::removals(plan, belonging),
            Measure::Erasures => Self::erasures(plan, belonging),
            Measure::Reboots => Self::reboots(plan),
        }
    }

    fn removals(plan: &Plan, belonging: &Belonging<'_>) -> Self {
        let steps = plan.steps().iter().map(|planned| &planned.step).filter(|step| step.is_removal());
        let which: BTreeSet<String> = steps.map(|step| belonging.thing(step).to_string()).collect();
        Self { count: which.len(), which }
    }

    fn erasures(plan: &Plan, belonging: &Belonging<'_>) -> Self {
        let erases = |id: &StepId| plan.step(*id).step.hazard == Hazard::Erases;
        let steps: Vec<StepId> = (0..plan.steps().len()).map(StepId::at).filter(erases).collect();
        let which = steps.iter().map(|id| belonging.thing(&plan.step(*id).step).to_string()).collect();
        Self { count: steps.len(), which }
    }

    fn reboots(plan: &Plan) -> Self {
        let mut nodes: BTreeMap<&NodeName, (u16, bool, usize)> = BTreeMap::new();
        for boot in plan.boots().iter().map(|planned| &planned.boot) {
            let runs = boot.from == Some(Environment::Installed);
            let (first, ran, leaves) = nodes.entry(&boot.node).or_insert((boot.ordinal, runs, 0));
            if boot.ordinal < *first {
                (*first, *ran) = (boot.ordinal, runs);
            }
            *leaves += usize::from(runs);
        }
        let mut tally = Self::default();
        for (node, (_, _, leaves)) in nodes.into_iter().filter(|(_, (_, ran, _))| *ran) {
            tally.count += leaves;
            tally.which.insert(format!("node/{node}"));
        }
        tally
    }
}
