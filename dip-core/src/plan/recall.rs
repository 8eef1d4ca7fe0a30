//! What can be looked at only in an environment that a node merely passes through is taken from the last reading: nobody
//! boots a node to learn that it needs no boot. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::rest;
use crate::fact::{FactKey, Facts};
use crate::id::StepId;
use crate::observed::{CallMark, Observed};
use crate::site::Site;
use crate::step::{Place, Step};

/// What was read of a step before.
#[derive(Debug, Clone)]
pub(crate) struct Recalled {
    pub(crate) facts: Facts,
    /// The oldest of its readings.
    pub(crate) at: Timestamp,
}

impl Recalled {
    pub(crate) fn readings(&self) -> impl Iterator<Item = (&FactKey, Timestamp)> {
        self.facts.iter().map(|(key, _)| (key, self.at))
    }
}

/// The steps that need not be looked at again while their nodes are elsewhere, because the same call saw before all that
/// they give.
///
/// What is done where a node rests is never taken from a reading: the node gets there anyway, and a look costs nothing.
pub(super) fn recall(site: &Site, steps: &[Step], seen: &Observed) -> BTreeMap<StepId, Recalled> {
    let mut all = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let Place::In(node, environment) = &step.place else { continue };
        // What depends on the values of other facts may have been read under other values.
        if *environment != rest(site, node)
            && step.boot.is_none()
            && step.reads.is_empty()
            && let Some(recalled) = recalled(step, seen)
        {
            all.insert(StepId::at(index), recalled);
        }
    }
    all
}

fn recalled(step: &Step, seen: &Observed) -> Option<Recalled> {
    let mark = CallMark::of(&step.call);
    let mut facts = Facts::new();
    let mut oldest: Option<Timestamp> = None;
    for fact in &step.gives {
        let reading = seen.reading(fact).filter(|reading| reading.by.as_ref() == Some(&mark))?;
        facts.insert(fact.clone(), reading.value.clone());
        oldest = Some(oldest.map_or(reading.at, |oldest| oldest.min(reading.at)));
    }
    // A step that gives nothing leaves no trace to recall.
    oldest.map(|at| Recalled { facts, at })
}
