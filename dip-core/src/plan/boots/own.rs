//! The order of one node's steps, as far as the others let it.

use super::set::Set;
use super::shape::{Placed, Shape};
use crate::id::StepId;
use crate::plan::graph::VertexId;
use crate::step::Environment;

/// So many vertices between a node's steps are looked at, at least; in a large plan of few nodes more.
const REACH: usize = 2_048;

/// The steps of one node and what lies between them: whatever does not wait for this node is taken as done. So the node's
/// fewest boots come out, and no plan needs less.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) steps: Vec<OwnStep>,
    /// For each step and then for each vertex between them, how many are to come before it.
    missing: Vec<u32>,
    next: Vec<Vec<u32>>,
    /// Where it may have to be.
    pub(super) environments: Vec<Environment>,
    pub(super) rest: Environment,
}

#[derive(Debug)]
pub(super) struct OwnStep {
    pub(super) id: StepId,
    pub(super) environment: Environment,
    /// Where it wants a boot: those who give the facts that must be older, as far as they wait for this node.
    since: Option<Vec<u32>>,
}

/// Marks on the vertices of a graph that are wiped by counting on.
#[derive(Debug)]
pub(super) struct Marks {
    round: u32,
    /// For each vertex the round in which it was marked, and its place there.
    marks: Vec<(u32, u32)>,
    reach: usize,
}

impl Marks {
    /// For so many searches in a graph of so many vertices.
    pub(super) fn new(vertices: usize, searches: usize) -> Self {
        let reach = REACH.max(4 * vertices / searches.max(1));
        Self { round: 0, marks: vec![(0, 0); vertices], reach }
    }

    fn of(&self, vertex: VertexId) -> Option<u32> {
        let (round, place) = self.marks[vertex.index()];
        (round == self.round).then_some(place)
    }

    fn set(&mut self, vertex: VertexId, place: usize) {
        self.marks[vertex.index()] = (self.round, u32::try_from(place).expect("a search is smaller than a plan"));
    }
}

/// What is done when a node has stayed in an environment for as long as that was of use, and which of its steps have had the
/// boot that they want once it boots again.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    pub(super) done: Set,
    pub(super) armed: Set,
}

impl Own {
    pub(super) fn new(node: usize, rest: Environment, placed: &Placed<'_>, shape: &Shape, marks: &mut Marks) -> Self {
        let graph = &shape.graph;
        let own = placed.work(node);
        marks.round += 1;
        let mut local: Vec<VertexId> = own.iter().map(|&step| step.into()).collect();
        local.iter().enumerate().for_each(|(place, &vertex)| marks.set(vertex, place));
        // Nothing behind the last of the node's steps lies between two of them.
        let last = local.iter().map(|&vertex| shape.position(vertex)).max().unwrap_or_default();
        let reach = own.len() + marks.reach;
        let mut head = 0;
        while let Some(&vertex) = local.get(head) {
            head += 1;
            for &next in graph.successors(vertex) {
                let is_between = shape.position(next) < last && !shape.is_hub(next);
                if is_between && local.len() < reach && marks.of(next).is_none() {
                    marks.set(next, local.len());
                    local.push(next);
                }
            }
        }
        let mut next: Vec<Vec<u32>> = local
            .iter()
            .map(|&vertex| graph.successors(vertex).iter().filter_map(|&next| marks.of(next)).collect())
            .collect();
        // Whoever is not between the node's steps is taken as done.
        let mut missing = vec![0_u32; local.len()];
        next.iter().flatten().for_each(|&place| missing[place as usize] += 1);
        if shape.has_hubs() {
            for first in 0..own.len() {
                for second in (0..own.len()).filter(|&second| shape.is_before(local[first], local[second])) {
                    next[first].push(second as u32);
                    missing[second] += 1;
                }
            }
        }
        let steps: Vec<OwnStep> = own
            .iter()
            .map(|&id| {
                let (_, environment) = placed.of(id).expect("a node's own steps have a place");
                let within = |giver: StepId| marks.of(giver.into());
                let since = placed.since(id).map(|facts| shape.givers(id, facts).filter_map(within).collect());
                OwnStep { id, environment, since }
            })
            .collect();
        let wants_boot_while_off = |step: &OwnStep| step.since.is_some() && step.environment == Environment::Off;
        let is_wanted = |environment: &Environment| {
            *environment == rest
                || steps.iter().any(|step| step.environment == *environment)
                // Whoever is off and must have booted before goes somewhere and comes back.
                || (*environment == Environment::Firmware && steps.iter().any(wants_boot_while_off))
        };
        let environments = Environment::ALL.into_iter().filter(is_wanted).collect();
        Self { steps, missing, next, environments, rest }
    }

    /// Stays in an environment until nothing more can be done there. `armed` are those steps whose boot has been.
    pub(super) fn stay(&self, at: Option<Environment>, done: &Set, armed: &Set) -> Stay {
        let mut missing = self.missing.clone();
        let mut reached = vec![false; missing.len()];
        let mut done = done.clone();
        let can_be_done = |place: usize| match self.steps.get(place) {
            None => true,
            Some(step) => Some(step.environment) == at && (step.since.is_none() || armed.contains(place)),
        };
        let is_done = |place: usize| place < self.steps.len() && done.contains(place);
        let mut ahead: Vec<usize> =
            (0..missing.len()).filter(|&place| is_done(place) || (missing[place] == 0 && can_be_done(place))).collect();
        while let Some(place) = ahead.pop() {
            if std::mem::replace(&mut reached[place], true) {
                continue;
            }
            if place < self.steps.len() {
                done.insert(place);
            }
            for &next in &self.next[place] {
                let next = next as usize;
                if missing[next] > 0 {
                    missing[next] -= 1;
                    if missing[next] == 0 && can_be_done(next) {
                        ahead.push(next);
                    }
                }
            }
        }
        let mut armed = Set::of(self.steps.len());
        for (place, step) in self.steps.iter().enumerate() {
            if step.since.as_ref().is_some_and(|givers| givers.iter().all(|&giver| reached[giver as usize])) {
                armed.insert(place);
            }
        }
        Stay { done, armed }
    }
}
