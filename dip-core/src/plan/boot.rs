//! Boots: which environments a node passes through so that every step of it finds the one that it needs.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};

use serde::{Deserialize, Serialize};

use super::graph::{Graph, VertexId};
use crate::id::StepId;
use crate::step::{Boot, Environment};

/// A boot in a plan: what brings it about, and what becomes possible by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedBoot {
    /// The boot.
    pub boot: Boot,
    /// The steps that bring it about.
    pub parts: Vec<StepId>,
    /// The steps that run in the environment it enters.
    pub work: Vec<StepId>,
    /// The steps that must be done before, in the environment it leaves.
    pub leaves: Vec<StepId>,
}

/// A stay of a node in one environment: the first may be where it is now, each further one needs a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) environment: Environment,
    pub(crate) work: Vec<StepId>,
}

/// The order of the steps before their boots are known, made once for all nodes.
#[derive(Debug)]
pub(crate) struct Shape {
    graph: Graph,
    /// Where each vertex stands in a topological order.
    position: Vec<u32>,
}

impl Shape {
    pub(crate) fn new(graph: Graph) -> Self {
        let mut position = vec![0; graph.vertices().len()];
        for (place, vertex) in (0..).zip(graph.topological()) {
            position[vertex.index()] = place;
        }
        Self { graph, position }
    }
}

/// The stays of a node, fewest first: all that is ready in an environment is done before it is left, which for one node
/// never costs a boot. `work` are the steps that need the node in an environment. `now` is where the node is; where that is
/// not known every environment costs a boot. The last stay is always in `Installed`: a node at ready state runs.
pub(crate) fn stays(now: Option<Environment>, work: &[(StepId, Environment)], shape: &Shape) -> Vec<Stay> {
    let starts: &[Environment] = match now {
        Some(Environment::Off) => &[Environment::Off],
        Some(_) => &[Environment::Installed],
        None => &[Environment::Installed, Environment::Off],
    };
    starts
        .iter()
        .map(|&start| sequence(start, work, shape))
        .min_by_key(Vec::len)
        .expect("there is at least one environment to start in")
}

fn sequence(start: Environment, work: &[(StepId, Environment)], shape: &Shape) -> Vec<Stay> {
    let other = |environment| match environment {
        Environment::Installed => Environment::Off,
        _ => Environment::Installed,
    };
    let environment_at = |phase: usize| if phase.is_multiple_of(2) { start } else { other(start) };
    let mut stays = vec![Stay { environment: start, work: Vec::new() }];
    let wanted: HashMap<VertexId, (StepId, Environment)> =
        work.iter().map(|&(step, environment)| (step.into(), (step, environment))).collect();
    // The phase of a vertex is the number of environments that the node has left before it can be reached. Only what comes
    // behind the work on this node can have one; of that, only what stands before the last of it is looked at.
    let mut phases: HashMap<VertexId, usize> = wanted.keys().map(|&vertex| (vertex, 0)).collect();
    let place = |vertex: VertexId| Reverse((shape.position[vertex.index()], vertex));
    let mut ahead: BinaryHeap<Reverse<(u32, VertexId)>> = phases.keys().map(|&vertex| place(vertex)).collect();
    let mut left = wanted.len();
    while let Some(Reverse((_, vertex))) = ahead.pop() {
        let mut phase = phases[&vertex];
        if let Some(&(step, environment)) = wanted.get(&vertex) {
            if environment_at(phase) != environment {
                phase += 1;
            }
            while stays.len() <= phase {
                stays.push(Stay { environment: environment_at(stays.len()), work: Vec::new() });
            }
            stays[phase].work.push(step);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        for &next in shape.graph.successors(vertex) {
            match phases.entry(next) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    *known = phase.max(*known);
                }
                Entry::Vacant(entry) => {
                    entry.insert(phase);
                    ahead.push(place(next));
                }
            }
        }
    }
    if stays.last().is_some_and(|last| last.environment != Environment::Installed) {
        stays.push(Stay { environment: Environment::Installed, work: Vec::new() });
    }
    stays
}
