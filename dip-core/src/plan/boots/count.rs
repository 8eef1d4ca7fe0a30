//! How often each node boots, how often it has to, and for whom it boots more often.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::own::{Marks, Own};
use super::set::Set;
use super::{Placed, PlannedBoot, Shape, rest};
use crate::id::{NodeName, StepId};
use crate::operation::Gap;
use crate::plan::graph::{Vertex, VertexId};
use crate::plan::{Plan, Reading, resolve};
use crate::step::{Environment, Place, Step};

/// So many vertices are looked at to find for whom a node boots once more.
const REACH: usize = 4_096;

/// The boots of a node in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootCount {
    /// The node.
    pub node: NodeName,
    /// How often it boots.
    pub boots: usize,
    /// How often it has to by its own needs, were every other node always ready for it.
    pub at_least: usize,
    /// Where it boots more often: the nodes that it waits for in between.
    pub waits_for: Vec<NodeName>,
}

impl Plan {
    /// How often each node boots that boots at all, with the lower bound and the reason of what is above it.
    ///
    /// It is worked out anew from the plan: a plan on disk does not hold it.
    #[must_use]
    pub fn boot_counts(&self) -> Vec<BootCount> {
        let mut boots: BTreeMap<&NodeName, Vec<&PlannedBoot>> = BTreeMap::new();
        for boot in self.boots() {
            boots.entry(&boot.boot.node).or_default().push(boot);
        }
        let placed = Placed::new(self.steps().iter().map(|planned| &planned.step), boots.keys().copied());
        let searched = |boots: &[&PlannedBoot], node: usize| self.plain(boots, &placed, node).is_none();
        let searches = (0..)
            .zip(placed.nodes())
            .filter(|(node, name)| boots.get(*name).is_some_and(|boots| searched(boots, *node)));
        let searches = searches.count();
        let mut bounds = (searches > 0).then(|| Bounds::new(self, searches));
        (0..)
            .zip(placed.nodes())
            .filter_map(|(node, name)| Some((node, *name, boots.get(name)?)))
            .map(|(node, name, boots)| {
                let at_least = self.plain(boots, &placed, node).unwrap_or_else(|| {
                    let bounds = bounds.as_mut().expect("there is a node to be searched");
                    bounds.of(node, self.start(boots, &placed, node), rest(self.site(), name), &placed).min(boots.len())
                });
                let waits_for = if boots.len() > at_least { self.in_between(name, boots) } else { Vec::new() };
                BootCount { node: name.clone(), boots: boots.len(), at_least, waits_for }
            })
            .collect()
    }

    /// The fewest boots of a node, where no search is needed: it enters each environment that it needs once.
    fn plain(&self, boots: &[&PlannedBoot], placed: &Placed<'_>, node: usize) -> Option<usize> {
        let entered: BTreeSet<Environment> = boots.iter().map(|boot| boot.boot.to).collect();
        let work = placed.work(node).iter().filter_map(|&step| placed.of(step)).map(|(_, environment)| environment);
        let needed: BTreeSet<Environment> = work.chain(boots.last().map(|boot| boot.boot.to)).collect();
        let now = self.start(boots, placed, node);
        let is_needed = |environment: &Environment| needed.contains(environment) && Some(*environment) != now;
        (boots.len() == 1 || (entered.len() == boots.len() && entered.iter().all(is_needed))).then_some(boots.len())
    }

    /// Where a node was when the plan was made. What a fresh boot leaves may be a guess: then nothing could be looked at there.
    fn start(&self, boots: &[&PlannedBoot], placed: &Placed<'_>, node: usize) -> Option<Environment> {
        let first = &boots.first()?.boot;
        let was_seen = |step: &StepId| {
            let is_unseen = matches!(self.step(*step).reading, Reading::Unknown(Gap::Environment(_)));
            !is_unseen && placed.of(*step).is_some_and(|(_, environment)| environment == first.to)
        };
        first.from.filter(|from| *from != first.to || placed.work(node).iter().any(was_seen))
    }

    /// The nodes whose work a node waits for between two stays in one environment, where that work waits for the node too.
    fn in_between(&self, node: &NodeName, boots: &[&PlannedBoot]) -> Vec<NodeName> {
        let is_own = |step: StepId| matches!(&self.step(step).step.place, Place::In(place, _) if place == node);
        let between = |vertex: VertexId| match self.graph().vertices()[vertex.index()] {
            Vertex::Step(step) => {
                !is_own(step) && self.step(step).step.boot.as_ref().is_none_or(|boot| boot.node != *node)
            }
            Vertex::Barrier { .. } | Vertex::Wave(_) => true,
            Vertex::Boot(boot) | Vertex::Leave(boot) => self.boots()[boot as usize].boot.node != *node,
        };
        let own: Vec<VertexId> = boots.iter().flat_map(|boot| &boot.work).map(|&step| step.into()).collect();
        let graph = self.graph();
        let behind = reach(own.clone(), |vertex, next| next.extend(graph.successors(vertex)), between);
        let before =
            reach(own, |vertex, next| next.extend(graph.predecessors(vertex).map(|(before, _)| before)), between);
        let names: BTreeSet<&NodeName> = behind
            .intersection(&before)
            .filter_map(|vertex| match graph.vertices()[vertex.index()] {
                Vertex::Step(step) => match &self.step(step).step.place {
                    Place::In(name, _) => Some(name),
                    Place::Anywhere => None,
                },
                Vertex::Boot(boot) => Some(&self.boots()[boot as usize].boot.node),
                Vertex::Barrier { .. } | Vertex::Leave(_) | Vertex::Wave(_) => None,
            })
            .collect();
        names.into_iter().cloned().collect()
    }
}

fn reach(
    from: Vec<VertexId>,
    neighbours: impl Fn(VertexId, &mut Vec<VertexId>),
    may_enter: impl Fn(VertexId) -> bool,
) -> HashSet<VertexId> {
    let (mut found, mut next, mut queue) = (HashSet::new(), Vec::new(), from);
    let mut head = 0;
    while let Some(&vertex) = queue.get(head).filter(|_| head < REACH) {
        head += 1;
        neighbours(vertex, &mut next);
        queue.extend(next.drain(..).filter(|vertex| may_enter(*vertex) && found.insert(*vertex)));
    }
    found
}

/// What the search for lower bounds shares.
struct Bounds {
    shape: Shape,
    marks: Marks,
}

impl Bounds {
    fn new(plan: &Plan, searches: usize) -> Self {
        let steps: Vec<&Step> = plan.steps().iter().map(|planned| &planned.step).collect();
        let graph = resolve::order(&steps).expect("the plan has an order, so its steps without boots have one");
        let marks = Marks::new(graph.vertices().len(), searches);
        Self { shape: Shape::new(graph), marks }
    }

    fn of(&mut self, node: usize, now: Option<Environment>, rest: Environment, placed: &Placed<'_>) -> usize {
        let own = Own::new(node, rest, placed, &self.shape, &mut self.marks);
        let nothing = Set::of(own.steps.len());
        own.way(now, &nothing, &nothing).at_least
    }
}
