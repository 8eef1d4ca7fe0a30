//! From needs to edges: who gives what, which sets of facts are barriers, and what is unmet or contested.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph::{Because, Edge, Graph, Vertex, VertexId};
use super::near::Near;
use super::{PlanFault, PlannedBoot, Wave};
use crate::fact::FactKey;
use crate::id::StepId;
use crate::step::{Need, Step, StepName};

/// Builds the graph of steps and boots.
///
/// `known` tells which facts need no giver; `boots` which environments are entered on the way; `waves` who goes before whom.
///
/// # Errors
/// Contested facts, names that are used twice and unmet needs, all at once. Circles are told by [`super::circle`].
pub(crate) fn resolve(
    steps: &[&Step],
    boots: &[PlannedBoot],
    waves: &[Wave],
    known: &dyn Fn(&FactKey) -> bool,
) -> Result<Graph, Vec<PlanFault>> {
    let mut faults = Vec::new();
    let givers = givers(steps, &mut faults);
    let mut builder = Builder {
        steps,
        givers: &givers,
        known,
        vertices: (0..steps.len()).map(|index| Vertex::Step(StepId::at(index))).collect(),
        edges: Vec::new(),
        barriers: HashMap::new(),
        faults,
        near: None,
    };
    for (index, step) in steps.iter().enumerate() {
        let vertex = VertexId::from(StepId::at(index));
        for need in &step.needs {
            builder.need(step, vertex, need);
        }
        // Whoever wants a boot after a fact comes after the fact too.
        for fact in &step.booted_since {
            if let Some(&giver) = builder.givers.get(fact) {
                builder.edge(giver.into(), vertex, Because::Fact(fact.clone()));
            }
        }
    }
    for (index, boot) in boots.iter().enumerate() {
        builder.boot(u32::try_from(index).expect("fewer boots than steps"), boot);
    }
    for (index, wave) in (0..).zip(waves) {
        builder.wave(index, wave);
    }
    if builder.faults.is_empty() { Ok(Graph::new(builder.vertices, builder.edges)) } else { Err(builder.faults) }
}

/// The order of steps alone: before their boots are known, and as if every fact that no step gives were known.
///
/// # Errors
/// As [`resolve`], but for needs of facts that nobody gives.
pub(crate) fn order(steps: &[&Step]) -> Result<Graph, Vec<PlanFault>> {
    resolve(steps, &[], &[], &|_| true)
}

type Givers<'a> = HashMap<&'a FactKey, StepId>;

fn givers<'a>(steps: &[&'a Step], faults: &mut Vec<PlanFault>) -> Givers<'a> {
    let mut givers = Givers::with_capacity(steps.len());
    let mut names = HashMap::with_capacity(steps.len());
    let mut contested: BTreeMap<&FactKey, BTreeSet<&StepName>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if names.insert(&step.name, index).is_some() {
            faults.push(PlanFault::Twice(step.name.clone()));
            continue;
        }
        for fact in &step.gives {
            // A step that names a fact twice gives it all the same.
            if let Some(first) = givers.insert(fact, StepId::at(index)).filter(|first| first.index() != index) {
                contested.entry(fact).or_default().extend([&steps[first.index()].name, &step.name]);
            }
        }
    }
    faults.extend(contested.into_iter().map(|(fact, givers)| PlanFault::Contested {
        fact: fact.clone(),
        givers: givers.into_iter().cloned().collect(),
    }));
    givers
}

/// How many facts of a set must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Enough {
    /// So many.
    Count(usize),
    /// All that are given.
    Given,
}

struct Builder<'a> {
    steps: &'a [&'a Step],
    givers: &'a Givers<'a>,
    known: &'a dyn Fn(&FactKey) -> bool,
    vertices: Vec<Vertex>,
    edges: Vec<Edge>,
    /// Identical sets of needs share one vertex: N + M edges, not N × M.
    barriers: HashMap<(Enough, &'a [FactKey]), VertexId>,
    faults: Vec<PlanFault>,
    /// What is near to what is missing; made only where something is.
    near: Option<Near<'a>>,
}

impl<'a> Builder<'a> {
    fn need(&mut self, step: &'a Step, vertex: VertexId, need: &'a Need) {
        match need {
            Need::IfGiven(fact) => {
                if let Some(&giver) = self.givers.get(fact) {
                    self.edge(giver.into(), vertex, Because::Fact(fact.clone()));
                }
            }
            Need::All(facts) => match &facts[..] {
                [] => {}
                [fact] => {
                    if let Some(&giver) = self.givers.get(fact) {
                        self.edge(giver.into(), vertex, Because::Fact(fact.clone()));
                    } else if !(self.known)(fact) {
                        self.unmet(step, facts, 1);
                    }
                }
                several => self.barrier(step, vertex, several.len(), several),
            },
            Need::AtLeast { count, facts } => self.barrier(step, vertex, *count, facts),
            Need::AllIfGiven(facts) => self.given(vertex, facts),
        }
    }

    /// A barrier over those of the facts that are given at all.
    fn given(&mut self, vertex: VertexId, facts: &'a [FactKey]) {
        let key = (Enough::Given, facts);
        if let Some(&barrier) = self.barriers.get(&key) {
            self.edge(barrier, vertex, Because::Barrier);
            return;
        }
        let given: Vec<(StepId, &FactKey)> =
            facts.iter().filter_map(|fact| Some((*self.givers.get(fact)?, fact))).collect();
        if !given.is_empty() {
            let barrier = self.collect(given.len(), given);
            self.barriers.insert(key, barrier);
            self.edge(barrier, vertex, Because::Barrier);
        }
    }

    fn barrier(&mut self, step: &'a Step, vertex: VertexId, count: usize, facts: &'a [FactKey]) {
        if let Some(&barrier) = self.barriers.get(&(Enough::Count(count), facts)) {
            self.edge(barrier, vertex, Because::Barrier);
            return;
        }
        let given: Vec<(StepId, &FactKey)> =
            facts.iter().filter_map(|fact| Some((*self.givers.get(fact)?, fact))).collect();
        let seen = facts.iter().filter(|fact| !self.givers.contains_key(fact) && (self.known)(fact)).count();
        if given.len() + seen < count {
            let missing: Vec<FactKey> =
                facts.iter().filter(|fact| !self.givers.contains_key(fact) && !(self.known)(fact)).cloned().collect();
            // Where all are needed, the missing ones are the point; where some are, the whole choice is.
            let told = if count == facts.len() { &missing } else { facts };
            let enough = if count == facts.len() { missing.len() } else { count };
            self.unmet(step, told, enough);
            return;
        }
        if count <= seen {
            return;
        }
        let barrier = self.collect(count - seen, given);
        self.barriers.insert((Enough::Count(count), facts), barrier);
        self.edge(barrier, vertex, Because::Barrier);
    }

    fn collect(&mut self, threshold: usize, given: Vec<(StepId, &FactKey)>) -> VertexId {
        let barrier = self.vertex(Vertex::Barrier {
            threshold: u32::try_from(threshold).expect("a set of facts is smaller than 2^32"),
            of: u32::try_from(given.len()).expect("a set of facts is smaller than 2^32"),
        });
        for (giver, fact) in given {
            self.edge(giver.into(), barrier, Because::Fact(fact.clone()));
        }
        barrier
    }

    fn boot(&mut self, index: u32, boot: &PlannedBoot) {
        let entered = self.vertex(Vertex::Boot(index));
        for part in self.last_parts(&boot.parts) {
            self.edge(part.into(), entered, Because::Boot);
        }
        for &step in &boot.work {
            self.edge(entered, step.into(), Because::Environment);
        }
        if !boot.leaves.is_empty() && !boot.parts.is_empty() {
            let leave = self.vertex(Vertex::Leave(index));
            for &step in &boot.leaves {
                self.edge(step.into(), leave, Because::Leave);
            }
            for &part in &boot.parts {
                self.edge(leave, part.into(), Because::Leave);
            }
        }
    }

    fn wave(&mut self, index: u32, wave: &Wave) {
        let done = self.vertex(Vertex::Wave(index));
        for &step in &wave.first {
            self.edge(step.into(), done, Because::Wave);
        }
        for &step in &wave.then {
            self.edge(done, step.into(), Because::Wave);
        }
    }

    /// The parts of a boot that no other part of it waits for: with them it is over. Whoever is afraid of what a boot rests on
    /// looks at them again, and not at the power that was off on the way.
    fn last_parts(&self, parts: &[StepId]) -> Vec<StepId> {
        let needs = |part: &StepId| {
            let certain = |need: &&Need| !matches!(need, Need::AtLeast { .. });
            self.steps[part.index()].needs.iter().filter(certain).flat_map(Need::facts)
        };
        let waited_for: BTreeSet<StepId> = parts
            .iter()
            .flat_map(|part| {
                needs(part).filter_map(|fact| self.givers.get(fact).copied()).filter(move |giver| giver != part)
            })
            .collect();
        let last: Vec<StepId> = parts.iter().filter(|part| !waited_for.contains(part)).copied().collect();
        // Parts that wait for each other in a circle are told as one.
        if last.is_empty() { parts.to_vec() } else { last }
    }

    fn vertex(&mut self, vertex: Vertex) -> VertexId {
        let id = VertexId(u32::try_from(self.vertices.len()).expect("a plan has fewer than 2^32 vertices"));
        self.vertices.push(vertex);
        id
    }

    fn edge(&mut self, from: VertexId, to: VertexId, because: Because) {
        self.edges.push(Edge { from, to, because });
    }

    fn unmet(&mut self, step: &Step, facts: &[FactKey], enough: usize) {
        let near = self.near.get_or_insert_with(|| Near::new(self.givers));
        let near = facts.first().map_or_else(Vec::new, |fact| near.to(fact));
        let named = |fact: &FactKey| Some((self.steps[self.givers.get(fact)?.index()].name.clone(), fact.clone()));
        let nearest = near.into_iter().filter_map(named).collect();
        let fault = PlanFault::Unmet { step: step.name.clone(), facts: facts.to_vec(), enough, nearest };
        // One step may say the same need twice; its faults are the last ones.
        let is_own = |fault: &&PlanFault| matches!(fault, PlanFault::Unmet { step: other, .. } if *other == step.name);
        if !self.faults.iter().rev().take_while(is_own).any(|other| *other == fault) {
            self.faults.push(fault);
        }
    }
}
