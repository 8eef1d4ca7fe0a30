//! Circles: what waits for itself, told link by link with the reason of each.

use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::graph::{DiGraph, NodeIndex};

use super::graph::{Because, Graph, Vertex, VertexId};
use super::{Budgets, Link, PlanFault, PlannedBoot};
use crate::step::Step;

/// One circle for each knot of vertices that wait for each other; empty where the order is sound.
pub(crate) fn circles(graph: &Graph, steps: &[&Step], boots: &[PlannedBoot], budgets: &Budgets) -> Vec<PlanFault> {
    let ordered = graph.topological();
    if ordered.len() == graph.vertices().len() {
        return Vec::new();
    }
    // Only the rest can be in a circle. Kosaraju's search is used because it keeps its own stack: a recursive one
    // overflows on chains of some ten thousand vertices.
    let done: HashSet<VertexId> = ordered.into_iter().collect();
    let rest: Vec<VertexId> =
        (0..).map(VertexId).take(graph.vertices().len()).filter(|vertex| !done.contains(vertex)).collect();
    let mut knots = DiGraph::<VertexId, ()>::with_capacity(rest.len(), rest.len());
    let index: HashMap<VertexId, NodeIndex> = rest.iter().map(|&vertex| (vertex, knots.add_node(vertex))).collect();
    for &vertex in &rest {
        for next in graph.successors(vertex) {
            if let Some(&next) = index.get(next) {
                knots.add_edge(index[&vertex], next, ());
            }
        }
    }
    let told = Told { graph, steps, boots, budgets };
    let mut faults: Vec<PlanFault> = petgraph::algo::kosaraju_scc(&knots)
        .into_iter()
        .map(|knot| knot.into_iter().map(|node| knots[node]).collect::<HashSet<_>>())
        .filter(|knot| knot.len() > 1 || knot.iter().any(|vertex| graph.successors(*vertex).contains(vertex)))
        .map(|knot| PlanFault::Circle(shortest(&told, &knot)))
        .collect();
    faults.sort_by_key(ToString::to_string);
    faults
}

/// The shortest circle through the first vertex of a knot, as links from who waits to whom it waits for.
fn shortest(told: &Told<'_>, knot: &HashSet<VertexId>) -> Vec<Link> {
    let graph = told.graph;
    let start = *knot.iter().min().expect("a knot has a vertex");
    let mut reached: HashMap<VertexId, VertexId> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    'search: while let Some(vertex) = queue.pop_front() {
        for (before, _) in graph.predecessors(vertex).filter(|(before, _)| knot.contains(before)) {
            if let std::collections::hash_map::Entry::Vacant(entry) = reached.entry(before) {
                entry.insert(vertex);
                if before == start {
                    break 'search;
                }
                queue.push_back(before);
            }
        }
    }
    let mut way = vec![start];
    let mut vertex = reached[&start];
    while vertex != start {
        way.push(vertex);
        vertex = reached[&vertex];
    }
    way.reverse();
    // `way` now runs from a waiting vertex to the one it waits for, and closes on itself.
    way.rotate_right(1);
    (0..way.len())
        .map(|index| {
            let (who, next) = (way[index], way[(index + 1) % way.len()]);
            let because = graph.predecessors(who).find(|(before, _)| *before == next).map(|(_, because)| because);
            let why = because.map_or_else(String::new, |because| told.why(because, next));
            Link { who: told.words(who), why }
        })
        .collect()
}

/// What circles are told from.
struct Told<'a> {
    graph: &'a Graph,
    steps: &'a [&'a Step],
    boots: &'a [PlannedBoot],
    budgets: &'a Budgets,
}

impl Told<'_> {
    fn words(&self, vertex: VertexId) -> String {
        let boot = |index: u32| &self.boots[index as usize].boot;
        match self.graph.vertices()[vertex.index()] {
            Vertex::Step(step) => format!("`{}`", self.steps[step.index()].name),
            Vertex::Barrier { threshold, of } => format!("a set of {threshold} of {of} facts"),
            Vertex::Boot(index) => format!("boot {} of {} ({})", boot(index).ordinal, boot(index).node, boot(index).to),
            Vertex::Leave(index) => {
                format!("the end of the work before boot {} of {}", boot(index).ordinal, boot(index).node)
            }
            Vertex::Wave(index) => self.budgets.wave_words(index),
        }
    }

    /// Why somebody waits for the next one.
    fn why(&self, because: Because<'_>, next: VertexId) -> String {
        match (because, &self.graph.vertices()[next.index()]) {
            (Because::Fact(fact), _) => format!("it needs {fact}"),
            (Because::Barrier, _) => "it needs all of that set".to_owned(),
            (Because::Environment, _) => "it can run only in that environment".to_owned(),
            (Because::Boot, _) => "that is a part of the boot".to_owned(),
            (Because::Leave, _) => "a node leaves an environment when the work there is done".to_owned(),
            (Because::Wave, Vertex::Wave(index)) => self.budgets.wave_reason(*index),
            (Because::Wave, _) => "a wave is over when all that is to be done on its nodes is done".to_owned(),
        }
    }
}
