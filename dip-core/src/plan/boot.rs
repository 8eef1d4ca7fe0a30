//! Boots: which environments a node passes through so that every step of it finds the one that it needs.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, Vertex, VertexId};
use crate::id::{NodeName, StepId};
use crate::step::{Boot, Environment, Place, Step};

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

/// The stays of a node, fewest first: all that is ready in an environment is done before it is left, which for one node
/// never costs a boot. `now` is where the node is; where that is not known every environment costs a boot. The last stay
/// is always in `Installed`: a node at ready state runs.
pub(crate) fn stays(node: &NodeName, now: Option<Environment>, steps: &[&Step], graph: &Graph) -> Vec<Stay> {
    let starts: &[Environment] = match now {
        Some(Environment::Off) => &[Environment::Off],
        Some(Environment::Installed) => &[Environment::Installed],
        None => &[Environment::Installed, Environment::Off],
    };
    starts
        .iter()
        .map(|&start| sequence(node, start, steps, graph))
        .min_by_key(Vec::len)
        .expect("there is at least one environment to start in")
}

fn sequence(node: &NodeName, start: Environment, steps: &[&Step], graph: &Graph) -> Vec<Stay> {
    let other = |environment| match environment {
        Environment::Off => Environment::Installed,
        Environment::Installed => Environment::Off,
    };
    let environment_at = |phase: usize| if phase.is_multiple_of(2) { start } else { other(start) };
    // The phase of a vertex is the number of environments that the node has left before it can be reached.
    let mut phases = vec![0_usize; graph.vertices().len()];
    let mut stays: Vec<Stay> = Vec::new();
    let mut add = |phase: usize, step: Option<StepId>| {
        while stays.len() <= phase {
            stays.push(Stay { environment: environment_at(stays.len()), work: Vec::new() });
        }
        stays[phase].work.extend(step);
    };
    add(0, None);
    for vertex in graph.topological() {
        let mut phase = graph.predecessors(vertex).map(|(before, _)| phases[before.index()]).max().unwrap_or(0);
        if let Vertex::Step(step) = graph.vertices()[vertex.index()]
            && let Place::In(at, environment) = &steps[step.index()].place
            && at == node
        {
            if environment_at(phase) != *environment {
                phase += 1;
            }
            add(phase, Some(step));
        }
        phases[VertexId::index(vertex)] = phase;
    }
    if stays.last().is_some_and(|last| last.environment != Environment::Installed) {
        stays.push(Stay { environment: Environment::Installed, work: Vec::new() });
    }
    stays
}
