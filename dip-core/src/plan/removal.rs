//! Removal: what absent nodes would leave behind is taken away, the other way round than it would be brought about. Pure.
//!
//! The layers are asked what they would propose if exactly the absent nodes were wanted, and for each of these steps what takes
//! it away. What would need a fact goes before the fact does; order among removals is order without duty, so that a part that
//! is gone already holds up nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::resolve;
use super::{Goal, PlanFault, PlannedBoot};
use crate::fact::FactKey;
use crate::id::{NodeName, StepId};
use crate::layer::Layers;
use crate::observed::Observed;
use crate::operation::{Check, Gap};
use crate::plan::graph::{Graph, Vertex, VertexId};
use crate::site::{NodeState, Site};
use crate::step::{Boot, Environment, Need, Place, Step};

/// What absent nodes ask for.
#[derive(Debug, Default)]
pub(super) struct Removals {
    /// The removals.
    pub(super) steps: Vec<Step>,
    /// The site as if exactly its absent nodes were wanted at ready state; `None` where there is none.
    pub(super) as_if: Option<Site>,
}

impl Removals {
    /// The removals of a site; `wanted` are the steps of all that is not absent.
    pub(super) fn new(
        site: &Site,
        seen: &Observed,
        layers: &Layers,
        goal: Goal,
        wanted: &[Step],
    ) -> Result<Self, Vec<PlanFault>> {
        if !site.nodes.values().any(|node| node.state == NodeState::Absent) {
            return Ok(Self::default());
        }
        let as_if = as_if_wanted(site);
        let mut faults = Vec::new();
        // However far the plan goes: a member of a cluster leaves it before its node goes, or there is no plan.
        for layer in layers.iter().filter(|layer| goal == Goal::Ready && !layer.id().is_ready_state()) {
            faults.extend(layer.propose(site, seen).err().into_iter().flatten().map(PlanFault::Note));
        }
        let former = match Former::new(&as_if, seen, layers, wanted) {
            Ok(former) => former,
            Err(wrong) => {
                faults.extend(wrong);
                Former::default()
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { steps: former.reversed(site, layers, wanted), as_if: Some(as_if) })
    }
}

/// Whether a removal cannot be done where it must be: on a machine that is off, or that nobody can ask. Such a machine must
/// still be removable, so this is told and left out, and holds up nothing.
pub(crate) fn is_left_out<'a>(step: &Step, check: &'a Check) -> Option<&'a Gap> {
    let on_machine = matches!(step.place, Place::In(..)) || step.gives.iter().any(|fact| fact.boot().is_some());
    match check {
        Check::Unknown(gap) if step.is_removal() && on_machine => Some(gap),
        _ => None,
    }
}

/// Whether a step belongs to a boot of a node that should be gone: it tells where the node is, and nobody brings it about.
pub(crate) fn only_tells(site: &Site, step: &Step) -> bool {
    step.boot.as_ref().is_some_and(|boot| is_absent(site, &boot.node))
}

pub(super) fn is_absent(site: &Site, node: &NodeName) -> bool {
    site.nodes.get(node).is_some_and(|node| node.state == NodeState::Absent)
}

/// Everybody else is left alone, so that what is proposed is about the absent ones.
fn as_if_wanted(site: &Site) -> Site {
    let mut as_if = site.clone();
    for node in as_if.nodes.values_mut() {
        node.state = if node.state == NodeState::Absent { NodeState::Ready } else { NodeState::Maintenance };
    }
    as_if
}

/// What would bring about all that absent nodes could have left.
#[derive(Debug, Default)]
struct Former {
    steps: Vec<Step>,
    graph: Graph,
}

impl Former {
    fn new(as_if: &Site, seen: &Observed, layers: &Layers, wanted: &[Step]) -> Result<Self, Vec<PlanFault>> {
        let names: HashSet<_> = wanted.iter().map(|step| &step.name).collect();
        let mut steps = Vec::new();
        let mut faults = Vec::new();
        for layer in layers.iter() {
            match layer.propose(as_if, seen) {
                Ok(proposed) => steps.extend(proposed.into_iter().filter(|step| !names.contains(&step.name))),
                Err(notes) => faults.extend(notes.into_iter().map(PlanFault::Note)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut work: HashMap<NodeName, Vec<StepId>> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            if let Place::In(node, Environment::Installed) = &step.place {
                work.entry(node.clone()).or_default().push(StepId::at(index));
            }
        }
        let mut boots = Vec::new();
        for node in as_if.ready_nodes() {
            let boot = Boot { node: node.name.clone(), from: None, to: Environment::Installed, ordinal: 1 };
            let parts = super::draft::enter(as_if, layers, &boot, &mut steps);
            let work = work.remove(&node.name).unwrap_or_default();
            boots.push(PlannedBoot { boot, parts, work, leaves: Vec::new() });
        }
        let all: Vec<&Step> = steps.iter().collect();
        let graph = resolve::resolve(&all, &boots, &[], &|_| true)?;
        Ok(Self { steps, graph })
    }

    fn reversed(self, site: &Site, layers: &Layers, wanted: &[Step]) -> Vec<Step> {
        // A port or an address that went to another node is that node's.
        let used: HashSet<&FactKey> = wanted.iter().flat_map(|step| &step.gives).collect();
        let mut removals: Vec<Vec<Step>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let asked = layers.iter().filter_map(|layer| layer.remove(site, step)).map(|removal| gone(removal, step));
            let free = |removal: &Step| !removal.gives.iter().any(|fact| used.contains(&fact.present()));
            removals.push(asked.filter(free).collect());
        }
        let mut before: Vec<BTreeSet<FactKey>> = vec![BTreeSet::new(); self.graph.vertices().len()];
        for &vertex in self.graph.topological().iter().rev() {
            let mut facts = BTreeSet::new();
            for &next in self.graph.successors(vertex) {
                facts.extend(before[next.index()].iter().cloned());
                if let Vertex::Step(step) = self.graph.vertices()[next.index()] {
                    facts.extend(removals[step.index()].iter().flat_map(|removal| &removal.gives).cloned());
                }
            }
            before[vertex.index()] = facts;
        }
        let ordered = removals.into_iter().enumerate().flat_map(|(index, removals)| {
            let facts: Vec<FactKey> = before[VertexId::from(StepId::at(index)).index()].iter().cloned().collect();
            removals.into_iter().map(move |removal| match &facts[..] {
                [] => removal,
                _ => removal.need(Need::AllIfGiven(facts.clone())),
            })
        });
        ordered.collect()
    }
}

/// A removal gives what its step gave as gone, where it does not say itself what is gone by it.
fn gone(mut removal: Step, step: &Step) -> Step {
    if removal.gives.is_empty() {
        removal.gives = step.gives.iter().map(FactKey::gone).collect();
    }
    if removal.origin.is_none() {
        removal.origin = step.origin.clone();
    }
    removal
}
