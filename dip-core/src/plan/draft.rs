//! The draft: all steps that would bring the site to what is wanted, whatever is the case now. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::graph::Graph;
use super::recall::{Recalled, recall};
use super::removal::{Removals, is_absent};
use super::wires::Wires;
use super::{Budgets, PlanError, PlanFault, PlannedBoot, Watch, circle, resolve, rest};
use crate::hash::ShortMap;
use crate::id::{NodeName, StepId};
use crate::layer::{Deferred, Layers};
use crate::observed::Observed;
use crate::site::{NodeState, Site};
use crate::step::{Boot, Environment, Place, Step};
use crate::subject::Subject;

/// How far a plan goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Ready state and what stands on it: applications and clusters.
    #[default]
    Everything,
    /// Ready state: layers 1 to 4 and the records of layer 6.
    Ready,
}

/// All steps that would bring the site to what is wanted, with their graph.
///
/// For each environment that a node needs, the steps that would enter it stand in the draft as a *probe*: where all of
/// them hold, the node is there already.
#[derive(Debug)]
pub struct Draft {
    pub(crate) site: Arc<Site>,
    pub(crate) goal: Goal,
    pub(crate) steps: Vec<Step>,
    pub(crate) probes: Vec<PlannedBoot>,
    pub(crate) deferred: Vec<Deferred>,
    /// What layers look at before a member of a budget is taken away.
    pub(crate) gates: Vec<Watch>,
    pub(crate) recalled: BTreeMap<StepId, Recalled>,
    pub(crate) graph: Graph,
}

impl Draft {
    /// Asks every layer what it proposes and finds who gives what.
    ///
    /// # Errors
    /// All that layers cannot propose, contested facts, unmet needs and circles.
    pub fn new(site: Arc<Site>, seen: &Observed, layers: &Layers, goal: Goal) -> Result<Self, PlanError> {
        let mut steps = Vec::new();
        let mut faults = Vec::new();
        let mut deferred = Vec::new();
        let mut gates = Vec::new();
        for layer in layers.iter().filter(|layer| goal == Goal::Everything || layer.id().is_ready_state()) {
            match layer.propose(&site, seen) {
                Ok(proposed) => steps.extend(proposed),
                Err(notes) => faults.extend(notes.into_iter().map(PlanFault::Note)),
            }
            gates.extend(layer.gates(&site));
            deferred.extend(layer.deferred(&site, seen).into_iter().filter(|deferred| !deferred.is_known(seen)));
        }
        let removals = Removals::new(&site, seen, layers, goal, &steps).unwrap_or_else(|wrong| {
            faults.extend(wrong.into_iter().filter(|fault| !faults.contains(fault)).collect::<Vec<_>>());
            Removals::default()
        });
        steps.extend(removals.steps);
        let recalled = recall(&site, &steps, seen);
        let probes = probes(&site, removals.as_if.as_ref(), layers, &mut steps);
        let known = |key: &crate::fact::FactKey| seen.reading(key).is_some();
        let wires = Wires::of(steps.iter());
        wires.share(&mut steps);
        let all: Vec<&Step> = steps.iter().collect();
        let graph = match resolve::connect(wires, &all, &probes, &[], &known) {
            Ok(graph) => {
                faults.extend(circle::circles(&graph, &all, &probes, &Budgets::default()));
                graph
            }
            Err(wrong) => {
                faults.extend(wrong);
                Graph::default()
            }
        };
        if faults.is_empty() {
            Ok(Self { site, goal, steps, probes, deferred, gates, recalled, graph })
        } else {
            Err(PlanError::new(faults))
        }
    }

    /// The site that it is a draft for.
    #[must_use]
    pub const fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What can be drafted only once more is known.
    #[must_use]
    pub fn deferred(&self) -> &[Deferred] {
        &self.deferred
    }

    /// Its graph; boots in it are probes.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The probes: for each environment that a node needs, the steps that would enter it.
    #[must_use]
    pub fn probes(&self) -> &[PlannedBoot] {
        &self.probes
    }
}

/// `as_if` is the site in which absent nodes are wanted: where they are is looked at like at all others.
fn probes(site: &Site, as_if: Option<&Site>, layers: &Layers, steps: &mut Vec<Step>) -> Vec<PlannedBoot> {
    // By hash first, and sorted then: comparing names for each step of a large site takes longer than all the rest.
    let mut work: ShortMap<(&NodeName, Environment), Vec<StepId>> = ShortMap::default();
    for (index, step) in steps.iter().enumerate() {
        if let Place::In(node, environment) = &step.place {
            work.entry((node, *environment)).or_default().push(StepId::at(index));
            // Whether its next boot is a fresh one depends on whether it has power.
            if !step.booted_since.is_empty() {
                work.entry((node, Environment::Off)).or_default();
            }
        }
    }
    let mut nodes: BTreeSet<NodeName> = work.keys().map(|(node, _)| (*node).clone()).collect();
    let mut wanted: BTreeMap<(NodeName, Environment), Vec<StepId>> =
        work.into_iter().map(|((node, environment), steps)| ((node.clone(), environment), steps)).collect();
    // A node that is taken away ends without power, wherever its removal is done.
    let removed: HashSet<&Subject> = steps.iter().filter(|step| step.is_removal()).map(|step| &step.subject).collect();
    let absent = site.nodes.values().filter(|node| node.state == NodeState::Absent && node.bmc.is_some());
    nodes.extend(absent.map(|node| node.name.clone()).filter(|node| removed.contains(&Subject::node(node))));
    // A node that is wanted at ready state runs, whether or not something has to be done on it.
    nodes.extend(site.ready_nodes().filter(|node| node.bmc.is_some()).map(|node| node.name.clone()));
    for node in nodes {
        let rest = rest(site, &node);
        wanted.entry((node, rest)).or_default();
    }
    let mut probes: Vec<PlannedBoot> = Vec::with_capacity(wanted.len());
    // In reverse, `Installed` comes first and takes the ordinal that its boot has in nearly every plan.
    for ((node, to), work) in wanted.into_iter().rev() {
        let last = probes.last().filter(|last| last.boot.node == node);
        let ordinal = last.map_or(1, |last| last.boot.ordinal + 1);
        let boot = Boot { node, from: None, to, ordinal };
        let in_site = as_if.filter(|_| is_absent(site, &boot.node)).unwrap_or(site);
        let parts = enter(in_site, layers, &boot, steps);
        probes.push(PlannedBoot { boot, parts, work, leaves: Vec::new() });
    }
    probes
}

/// Adds every layer's part of a boot to the steps and tells which they are.
pub(crate) fn enter(site: &Site, layers: &Layers, boot: &Boot, steps: &mut Vec<Step>) -> Vec<StepId> {
    let first = steps.len();
    steps.extend(layers.iter().flat_map(|layer| layer.enter(site, boot)));
    (first..steps.len()).map(StepId::at).collect()
}
