//! Drift: what has gone away from what is wanted, told apart from what only follows from it.

use std::collections::{BTreeMap, HashMap};

use super::Prepared;
use crate::id::{NodeName, StepId};
use crate::operation::{Check, Diff, Gap};
use crate::plan::{Vertex, VertexId, is_left_out, only_tells, rest};
use crate::step::{Boot, Step};

/// What differs at a site.
#[derive(Debug, Default)]
pub struct Drift<'a> {
    /// What differs by itself: all that it builds on is as wanted.
    pub causes: Vec<Deviation<'a>>,
    /// What differs while something that it builds on differs too or could not be seen: it may follow from that.
    pub following: Vec<Deviation<'a>>,
    /// What somebody else holds, and how it could be taken over.
    pub foreign: Vec<(&'a Step, &'a Gap)>,
    /// What nobody could be asked about, with the reason.
    pub unobserved: Vec<(&'a Step, &'a Gap)>,
    /// How many checks wait for any of these.
    pub hidden: usize,
}

/// One thing that is not as wanted: a step, or all parts of one boot, since a node that is off is one thing.
#[derive(Debug)]
pub struct Deviation<'a> {
    /// The boot, where a node is not in the environment that it should be in.
    pub boot: Option<&'a Boot>,
    /// The steps that differ.
    pub steps: Vec<(&'a Step, &'a Diff)>,
}

/// What can differ as one: a step by itself, or the boots of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit<'a> {
    Boot(&'a NodeName, u16),
    Step(StepId),
}

/// What was seen of one unit.
#[derive(Debug, Default)]
struct Look<'a> {
    differing: Vec<(&'a Step, &'a Diff)>,
    /// Whether it builds on something that is not as wanted.
    follows: bool,
}

impl Drift<'_> {
    /// Whether all is as wanted and everything could be seen.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        let differs = !(self.causes.is_empty() && self.following.is_empty() && self.foreign.is_empty());
        !differs && self.unobserved.is_empty() && self.hidden == 0
    }
}

impl Prepared {
    /// What differs, sorted into causes and what may follow from them.
    #[must_use]
    pub fn drift(&self) -> Drift<'_> {
        let steps = self.draft.steps();
        let unit = |step: StepId| match &steps[step.index()].boot {
            Some(boot) => Unit::Boot(&boot.node, boot.ordinal),
            None => Unit::Step(step),
        };
        let holds = |step: StepId| matches!(self.survey.check(step), Check::Holds(_));
        // That a node is not where only some of its work is done is no drift: nobody wants it to stay there. Nor is what only
        // tells where a node is that should be gone, or what cannot be done on it any more.
        let counts = |step: &StepId| {
            let (site, check) = (self.draft.site(), self.survey.check(*step));
            let step = &steps[step.index()];
            let is_wish = step.boot.as_ref().is_none_or(|boot| boot.to == rest(site, &boot.node));
            is_wish && !only_tells(site, step) && is_left_out(step, check).is_none()
        };
        let ids = || (0..steps.len()).map(StepId::at).filter(counts);
        let mut sound: HashMap<Unit<'_>, bool> = HashMap::new();
        for step in ids() {
            *sound.entry(unit(step)).or_insert(true) &= holds(step);
        }
        let mut drift = Drift::default();
        let mut looks: BTreeMap<Unit<'_>, Look<'_>> = BTreeMap::new();
        for step in ids() {
            let is_sound = |before: &StepId| sound.get(&unit(*before)).copied().unwrap_or(true);
            let follows = self.builds_on(step).any(|before| unit(before) != unit(step) && !is_sound(&before));
            let look = looks.entry(unit(step)).or_default();
            look.follows |= follows;
            match self.survey.check(step) {
                Check::Holds(_) => {}
                Check::Differs(diff) => look.differing.push((&steps[step.index()], diff)),
                Check::Unknown(gap @ Gap::Unobservable(_)) => drift.unobserved.push((&steps[step.index()], gap)),
                Check::Unknown(gap @ Gap::Foreign(_)) => drift.foreign.push((&steps[step.index()], gap)),
                Check::Unknown(_) => drift.hidden += 1,
            }
        }
        for Look { differing, follows } in looks.into_values() {
            let Some((first, _)) = differing.first() else { continue };
            let deviation = Deviation { boot: first.boot.as_deref(), steps: differing };
            if follows { drift.following.push(deviation) } else { drift.causes.push(deviation) }
        }
        drift
    }

    /// The steps right before a step; sets of facts and boots between them are looked through.
    fn builds_on(&self, step: StepId) -> impl Iterator<Item = StepId> {
        let graph = self.draft.graph();
        let mut before = Vec::new();
        let mut open = vec![VertexId::from(step)];
        while let Some(vertex) = open.pop() {
            for (next, _) in graph.predecessors(vertex) {
                match graph.vertices()[next.index()] {
                    Vertex::Step(step) => before.push(step),
                    _ => open.push(next),
                }
            }
        }
        before.into_iter()
    }
}
