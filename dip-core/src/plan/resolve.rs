//! From needs to edges: who gives what, which sets of facts are barriers, and what is unmet or contested.

use std::collections::BTreeSet;

use super::graph::{Edge, Graph, Reason, Vertex, VertexId};
use super::near::Near;
use super::wires::{FactId, Wires};
use super::{PlanFault, PlannedBoot, Wave};
use crate::fact::FactKey;
use crate::hash::ShortMap;
use crate::id::StepId;
use crate::step::{Need, Step};

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
    connect(Wires::of(steps.iter().copied()), steps, boots, waves, known)
}

/// As [`resolve`], where the facts of the steps have their numbers already.
pub(super) fn connect(
    mut wires: Wires,
    steps: &[&Step],
    boots: &[PlannedBoot],
    waves: &[Wave],
    known: &dyn Fn(&FactKey) -> bool,
) -> Result<Graph, Vec<PlanFault>> {
    let faults = wires.take_faults();
    let mut builder = Builder {
        steps,
        wires: &wires,
        known,
        vertices: (0..steps.len()).map(|index| Vertex::Step(StepId::at(index))).collect(),
        edges: Vec::with_capacity(wires.needs().len()),
        barriers: ShortMap::default(),
        faults,
        near: None,
    };
    let mut ids = wires.needs();
    for (index, step) in steps.iter().enumerate() {
        let vertex = VertexId::from(StepId::at(index));
        for need in &step.needs {
            let (own, rest) = ids.split_at(need.facts().len());
            ids = rest;
            builder.need(step, vertex, need, own);
        }
        // Whoever wants a boot after a fact comes after the fact too.
        for fact in &step.booted_since {
            if let Some(id) = builder.wires.find(fact) {
                builder.given_fact(id, vertex);
            }
        }
    }
    for (index, boot) in boots.iter().enumerate() {
        builder.boot(u32::try_from(index).expect("fewer boots than steps"), boot);
    }
    for (index, wave) in (0..).zip(waves) {
        builder.wave(index, wave);
    }
    let Builder { vertices, edges, faults, .. } = builder;
    if faults.is_empty() { Ok(Graph::new(vertices, edges, wires.into_facts())) } else { Err(faults) }
}

/// The order of steps alone: before their boots are known, and as if every fact that no step gives were known.
///
/// # Errors
/// As [`resolve`], but for needs of facts that nobody gives.
pub(crate) fn order(steps: &[&Step]) -> Result<Graph, Vec<PlanFault>> {
    resolve(steps, &[], &[], &|_| true)
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
    wires: &'a Wires,
    known: &'a dyn Fn(&FactKey) -> bool,
    vertices: Vec<Vertex>,
    edges: Vec<Edge>,
    /// Identical sets of needs share one vertex: N + M edges, not N × M.
    barriers: ShortMap<(Enough, &'a [FactId]), VertexId>,
    faults: Vec<PlanFault>,
    /// What is near to what is missing; made only where something is.
    near: Option<Near<'a>>,
}

impl<'a> Builder<'a> {
    fn need(&mut self, step: &'a Step, vertex: VertexId, need: &'a Need, ids: &'a [FactId]) {
        match (need, ids) {
            (Need::IfGiven(_), &[id]) => {
                self.given_fact(id, vertex);
            }
            (Need::All(_), []) => {}
            (Need::All(facts), &[id]) => {
                if !self.given_fact(id, vertex) && !(self.known)(&facts[0]) {
                    self.unmet(step, facts, 1);
                }
            }
            (Need::All(facts), several) => self.barrier(step, vertex, several.len(), facts, several),
            (Need::AtLeast { count, facts }, several) => self.barrier(step, vertex, *count, facts, several),
            (Need::AllIfGiven(_) | Need::IfGiven(_), several) => self.given(vertex, several),
        }
    }

    /// An edge from the giver of a fact, if it has one.
    fn given_fact(&mut self, id: FactId, vertex: VertexId) -> bool {
        let giver = self.wires.giver(id);
        if let Some(giver) = giver {
            self.edge(giver.into(), vertex, Reason::fact(id));
        }
        giver.is_some()
    }

    /// A barrier over those of the facts that are given at all.
    fn given(&mut self, vertex: VertexId, facts: &'a [FactId]) {
        let key = (Enough::Given, facts);
        if let Some(&barrier) = self.barriers.get(&key) {
            self.edge(barrier, vertex, Reason::BARRIER);
            return;
        }
        let given = self.givers(facts);
        if !given.is_empty() {
            let barrier = self.collect(given.len(), given);
            self.barriers.insert(key, barrier);
            self.edge(barrier, vertex, Reason::BARRIER);
        }
    }

    fn barrier(&mut self, step: &'a Step, vertex: VertexId, count: usize, facts: &'a [FactKey], ids: &'a [FactId]) {
        let key = (Enough::Count(count), ids);
        if let Some(&barrier) = self.barriers.get(&key) {
            self.edge(barrier, vertex, Reason::BARRIER);
            return;
        }
        let given = self.givers(ids);
        let (seen, missing): (Vec<FactId>, Vec<FactId>) = ids
            .iter()
            .filter(|id| self.wires.giver(**id).is_none())
            .partition(|id| (self.known)(self.wires.fact(**id)));
        if given.len() + seen.len() < count {
            // Where all are needed, the missing ones are the point; where some are, the whole choice is.
            if count == facts.len() {
                let missing: Vec<FactKey> = missing.iter().map(|id| self.wires.fact(*id).clone()).collect();
                self.unmet(step, &missing, missing.len());
            } else {
                self.unmet(step, facts, count);
            }
            return;
        }
        if count <= seen.len() {
            return;
        }
        let barrier = self.collect(count - seen.len(), given);
        self.barriers.insert(key, barrier);
        self.edge(barrier, vertex, Reason::BARRIER);
    }

    fn givers(&self, facts: &[FactId]) -> Vec<(StepId, FactId)> {
        facts.iter().filter_map(|&id| Some((self.wires.giver(id)?, id))).collect()
    }

    fn collect(&mut self, threshold: usize, given: Vec<(StepId, FactId)>) -> VertexId {
        let barrier = self.vertex(Vertex::Barrier {
            threshold: u32::try_from(threshold).expect("a set of facts is smaller than 2^32"),
            of: u32::try_from(given.len()).expect("a set of facts is smaller than 2^32"),
        });
        for (giver, fact) in given {
            self.edge(giver.into(), barrier, Reason::fact(fact));
        }
        barrier
    }

    fn boot(&mut self, index: u32, boot: &PlannedBoot) {
        let entered = self.vertex(Vertex::Boot(index));
        for part in self.last_parts(&boot.parts) {
            self.edge(part.into(), entered, Reason::BOOT);
        }
        for &step in &boot.work {
            self.edge(entered, step.into(), Reason::ENVIRONMENT);
        }
        if !boot.leaves.is_empty() && !boot.parts.is_empty() {
            let leave = self.vertex(Vertex::Leave(index));
            for &step in &boot.leaves {
                self.edge(step.into(), leave, Reason::LEAVE);
            }
            for &part in &boot.parts {
                self.edge(leave, part.into(), Reason::LEAVE);
            }
        }
    }

    fn wave(&mut self, index: u32, wave: &Wave) {
        let done = self.vertex(Vertex::Wave(index));
        for &step in &wave.first {
            self.edge(step.into(), done, Reason::WAVE);
        }
        for &step in &wave.then {
            self.edge(done, step.into(), Reason::WAVE);
        }
    }

    /// The parts of a boot that no other part of it waits for: with them it is over. Whoever is afraid of what a boot rests on
    /// looks at them again, and not at the power that was off on the way.
    fn last_parts(&self, parts: &[StepId]) -> Vec<StepId> {
        let needs = |part: &StepId| {
            let certain = |need: &&Need| !matches!(need, Need::AtLeast { .. });
            self.steps[part.index()].needs.iter().filter(certain).flat_map(Need::facts)
        };
        let giver = |fact: &FactKey| self.wires.giver(self.wires.find(fact)?);
        let waited_for: BTreeSet<StepId> =
            parts.iter().flat_map(|part| needs(part).filter_map(giver).filter(move |giver| giver != part)).collect();
        let last: Vec<StepId> = parts.iter().filter(|part| !waited_for.contains(part)).copied().collect();
        // Parts that wait for each other in a circle are told as one.
        if last.is_empty() { parts.to_vec() } else { last }
    }

    fn vertex(&mut self, vertex: Vertex) -> VertexId {
        let id = VertexId(u32::try_from(self.vertices.len()).expect("a plan has fewer than 2^32 vertices"));
        self.vertices.push(vertex);
        id
    }

    fn edge(&mut self, from: VertexId, to: VertexId, because: Reason) {
        self.edges.push(Edge { from, to, because });
    }

    fn unmet(&mut self, step: &Step, facts: &[FactKey], enough: usize) {
        let near = self.near.get_or_insert_with(|| Near::new(self.wires.given()));
        let nearest = facts.first().map_or_else(Vec::new, |fact| near.to(fact));
        let named = |(fact, giver): (&FactKey, StepId)| (self.steps[giver.index()].name.clone(), fact.clone());
        let nearest = nearest.into_iter().map(named).collect();
        let fault = PlanFault::Unmet { step: step.name.clone(), facts: facts.to_vec(), enough, nearest };
        // One step may say the same need twice; its faults are the last ones.
        let is_own = |fault: &&PlanFault| matches!(fault, PlanFault::Unmet { step: other, .. } if *other == step.name);
        if !self.faults.iter().rev().take_while(is_own).any(|other| *other == fault) {
            self.faults.push(fault);
        }
    }
}
