//! The facts of steps as numbers, dense from 0: each key is looked up once, and the rest of planning works with indices.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanFault;
use super::index::Index;
use crate::fact::FactKey;
use crate::hash::short_hash;
use crate::id::StepId;
use crate::step::{Need, Step, StepName};

/// A fact that steps give or need: an index into the facts of [`Wires`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FactId(pub(super) u32);

impl FactId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which facts there are, who gives each, and which of them the needs of the steps name.
#[derive(Debug)]
pub(super) struct Wires {
    /// Every fact that is given or needed, once.
    facts: Vec<FactKey>,
    ids: Index,
    /// Who gives each.
    givers: Vec<Option<StepId>>,
    /// The facts of all needs of all steps, one after the other.
    needs: Vec<FactId>,
    /// Contested facts and names that are used twice.
    faults: Vec<PlanFault>,
}

impl Wires {
    pub(super) fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        let count = steps.size_hint().0;
        let mut names = Index::with_room(count);
        let mut named: Vec<&str> = Vec::with_capacity(count);
        let mut all: Vec<&Step> = Vec::with_capacity(count);
        let mut wires = Self {
            facts: Vec::with_capacity(count),
            ids: Index::with_room(count),
            givers: Vec::with_capacity(count),
            needs: Vec::with_capacity(count),
            faults: Vec::new(),
        };
        let mut contested: BTreeMap<&FactKey, BTreeSet<&StepName>> = BTreeMap::new();
        for (index, step) in steps.enumerate() {
            all.push(step);
            let name = step.name.as_str();
            if names.number(short_hash(name), |other| named[other as usize] == name).is_ok() {
                wires.faults.push(PlanFault::Twice(step.name.clone()));
                continue;
            }
            named.push(name);
            for fact in &step.gives {
                let id = wires.id(fact);
                // A step that names a fact twice gives it all the same.
                let first = wires.givers[id.index()].replace(StepId::at(index));
                if let Some(first) = first.filter(|first| first.index() != index) {
                    contested.entry(fact).or_default().extend([&all[first.index()].name, &step.name]);
                }
            }
        }
        wires.faults.extend(contested.into_iter().map(|(fact, givers)| PlanFault::Contested {
            fact: fact.clone(),
            givers: givers.into_iter().cloned().collect(),
        }));
        for need in all.iter().flat_map(|step| &step.needs) {
            for fact in need.facts() {
                let id = wires.id(fact);
                wires.needs.push(id);
            }
        }
        wires
    }

    fn id(&mut self, fact: &FactKey) -> FactId {
        match self.ids.number(fact.short_hash(), |other| self.facts[other as usize] == *fact) {
            Ok(known) => FactId(known),
            Err(new) => {
                self.facts.push(fact.clone());
                self.givers.push(None);
                FactId(new)
            }
        }
    }

    /// Lets the needs of the steps hold the very keys that their givers hold: equal keys are then one piece of memory, and
    /// comparing them ends at the first glance.
    pub(super) fn share(&self, steps: &mut [Step]) {
        let mut ids = self.needs.iter();
        for step in steps {
            for need in &mut step.needs {
                let facts = match need {
                    Need::All(facts) | Need::AtLeast { facts, .. } | Need::AllIfGiven(facts) => &mut facts[..],
                    Need::IfGiven(fact) => std::slice::from_mut(fact),
                };
                for (fact, id) in facts.iter_mut().zip(&mut ids) {
                    fact.clone_from(&self.facts[id.index()]);
                }
            }
        }
    }

    /// The number of a fact that steps may give or need.
    pub(super) fn find(&self, fact: &FactKey) -> Option<FactId> {
        self.ids.find(fact.short_hash(), |other| self.facts[other as usize] == *fact).map(FactId)
    }

    pub(super) fn fact(&self, id: FactId) -> &FactKey {
        &self.facts[id.index()]
    }

    pub(super) fn into_facts(self) -> Vec<FactKey> {
        self.facts
    }

    pub(super) fn giver(&self, id: FactId) -> Option<StepId> {
        self.givers[id.index()]
    }

    /// The facts that steps give.
    pub(super) fn given(&self) -> impl Iterator<Item = (&FactKey, StepId)> {
        self.facts.iter().zip(&self.givers).filter_map(|(fact, giver)| Some((fact, (*giver)?)))
    }

    pub(super) fn needs(&self) -> &[FactId] {
        &self.needs
    }

    pub(super) fn take_faults(&mut self) -> Vec<PlanFault> {
        std::mem::take(&mut self.faults)
    }
}
