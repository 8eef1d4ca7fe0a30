//! The order of the steps before their boots are known, made once for all nodes.

use std::collections::BTreeMap;

use crate::fact::FactKey;
use crate::hash::ShortMap;
use crate::id::{NodeName, StepId};
use crate::plan::graph::{Because, Graph, VertexId};
use crate::step::{Environment, Place, Step};

/// From so many successors on, a vertex is a hub: it is not walked through once for each node.
const MANY: usize = 64;
/// So many hubs are followed, as bits of a word; the widest ones.
const HUBS: usize = 64;

/// Where each step is to be done, and which facts it wants older than its node's boot.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    nodes: Vec<&'a NodeName>,
    /// For each step the place of its node in `nodes`, and the environment.
    places: Vec<Option<(u32, Environment)>>,
    since: BTreeMap<StepId, &'a [FactKey]>,
    /// For each node its steps.
    work: Vec<Vec<StepId>>,
}

impl<'a> Placed<'a> {
    /// The places of steps; parts of boots have none. Nodes without steps may be named too.
    pub(crate) fn new(steps: impl Iterator<Item = &'a Step>, nodes: impl Iterator<Item = &'a NodeName>) -> Self {
        let mut known = Numbers::default();
        nodes.for_each(|node| _ = known.number(node));
        let mut places = Vec::with_capacity(steps.size_hint().0);
        let mut since = BTreeMap::new();
        for (id, step) in steps.enumerate() {
            let place = match &step.place {
                Place::In(node, environment) if step.boot.is_none() => Some((known.number(node), *environment)),
                _ => None,
            };
            if place.is_some() && !step.booted_since.is_empty() {
                since.insert(StepId::at(id), &step.booted_since[..]);
            }
            places.push(place);
        }
        let (nodes, slots) = known.in_order_of_names();
        let mut work = vec![Vec::new(); nodes.len()];
        for (id, place) in places.iter_mut().enumerate() {
            if let Some((node, _)) = place {
                *node = slots[*node as usize];
                work[*node as usize].push(StepId::at(id));
            }
        }
        Self { nodes, places, since, work }
    }

    pub(crate) fn nodes(&self) -> &[&'a NodeName] {
        &self.nodes
    }

    pub(crate) fn of(&self, step: StepId) -> Option<(u32, Environment)> {
        self.places[step.index()]
    }

    pub(crate) fn since(&self, step: StepId) -> Option<&'a [FactKey]> {
        self.since.get(&step).copied()
    }

    pub(super) fn all_since(&self) -> impl Iterator<Item = (StepId, &'a [FactKey])> {
        self.since.iter().map(|(step, facts)| (*step, *facts))
    }

    /// Whether all that a node has to do is done in one environment, by whatever boot.
    pub(crate) fn is_simple(&self, node: usize, environment: Environment) -> bool {
        let is_there = |step: &StepId| self.places[step.index()].is_some_and(|(_, place)| place == environment);
        self.work[node].iter().all(|step| is_there(step) && !self.since.contains_key(step))
    }

    /// The steps of a node, in the order of their ids.
    pub(crate) fn work(&self, node: usize) -> &[StepId] {
        &self.work[node]
    }
}

/// Nodes in the order in which they come up: found by hash, since comparing names for each step of a large site takes longer
/// than all the rest.
#[derive(Default)]
struct Numbers<'a> {
    numbers: ShortMap<&'a NodeName, u32>,
    /// Steps of one node mostly stand together.
    last: Option<(&'a NodeName, u32)>,
}

impl<'a> Numbers<'a> {
    fn number(&mut self, node: &'a NodeName) -> u32 {
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == node) {
            return number;
        }
        let next = u32::try_from(self.numbers.len()).expect("there are fewer than 2^32 nodes");
        let number = *self.numbers.entry(node).or_insert(next);
        self.last = Some((node, number));
        number
    }

    /// The nodes sorted by name, and for each number the place of its node among them.
    fn in_order_of_names(self) -> (Vec<&'a NodeName>, Vec<u32>) {
        let mut sorted: Vec<(&NodeName, u32)> = self.numbers.into_iter().collect();
        sorted.sort_unstable();
        let mut slots = vec![0; sorted.len()];
        for (slot, (_, number)) in (0..).zip(&sorted) {
            slots[*number as usize] = slot;
        }
        (sorted.into_iter().map(|(node, _)| node).collect(), slots)
    }
}

/// The graph without boots, with what a search for one node must not find out anew.
///
/// A *hub* is a vertex that very many wait for, as all members of a cluster wait for one set of facts. Which hubs a vertex
/// leads to and comes from is worked out once for all vertices. So the order of one node's steps is found without a walk
/// through the others of the cluster.
///
/// A quorum counts as all of its set here. Were a step done as soon as enough members are there, in an environment that a further
/// member needs left, then each would wait for the other as soon as one of the early members fails.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(super) graph: Graph,
    /// Where each vertex stands in a topological order.
    position: Vec<u32>,
    /// For each vertex the hubs that need it, as bits.
    leads_to: Vec<u64>,
    /// For each vertex the hubs that it needs, as bits.
    comes_from: Vec<u64>,
    is_hub: Vec<bool>,
}

impl Shape {
    pub(crate) fn new(graph: Graph) -> Self {
        let count = graph.vertices().len();
        let order = graph.topological();
        let mut position = vec![u32::MAX; count];
        for (place, vertex) in (0..).zip(&order) {
            position[vertex.index()] = place;
        }
        let mut wide: Vec<VertexId> =
            (0..).map(VertexId).take(count).filter(|&vertex| graph.successors(vertex).len() >= MANY).collect();
        wide.sort_by_key(|&vertex| std::cmp::Reverse(graph.successors(vertex).len()));
        let mut is_hub = vec![false; count];
        wide.iter().for_each(|hub| is_hub[hub.index()] = true);
        let (mut leads_to, mut comes_from) = (Vec::new(), Vec::new());
        if !wide.is_empty() {
            (leads_to, comes_from) = (vec![0; count], vec![0; count]);
            for (bit, hub) in wide.iter().take(HUBS).enumerate() {
                leads_to[hub.index()] |= 1_u64 << bit;
                comes_from[hub.index()] |= 1_u64 << bit;
            }
            for &vertex in &order {
                for &next in graph.successors(vertex) {
                    comes_from[next.index()] |= comes_from[vertex.index()];
                }
            }
            for &vertex in order.iter().rev() {
                for &next in graph.successors(vertex) {
                    leads_to[vertex.index()] |= leads_to[next.index()];
                }
            }
        }
        Self { graph, position, leads_to, comes_from, is_hub }
    }

    /// How many are to come before a vertex.
    pub(super) fn before(&self, vertex: VertexId) -> u32 {
        self.graph.predecessors(vertex).len() as u32
    }

    pub(super) fn position(&self, vertex: VertexId) -> u32 {
        self.position[vertex.index()]
    }

    pub(super) fn is_hub(&self, vertex: VertexId) -> bool {
        self.is_hub[vertex.index()]
    }

    /// Whether there are vertices that are not walked through.
    pub(super) fn has_hubs(&self) -> bool {
        !self.leads_to.is_empty()
    }

    /// Whether one vertex needs the other by way of a hub.
    pub(super) fn is_before(&self, first: VertexId, second: VertexId) -> bool {
        self.leads_to[first.index()] & self.comes_from[second.index()] != 0
    }

    /// The steps that give these facts to a step.
    pub(super) fn givers<'a>(&'a self, step: StepId, facts: &'a [FactKey]) -> impl Iterator<Item = StepId> + 'a {
        self.graph.predecessors(step.into()).filter_map(move |(giver, because)| match because {
            Because::Fact(fact) if facts.contains(fact) => Some(StepId(giver.0)),
            _ => None,
        })
    }
}
