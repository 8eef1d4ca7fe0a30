//! What a step erases: the node and the serial numbers that a consent must name.

use std::collections::BTreeSet;

use super::belonging::Belonging;
use crate::fact::{Facts, os};
use crate::id::NodeName;
use crate::plan::Plan;
use crate::step::{Hazard, Step, StepName};
use crate::subject::Subject;

/// What a step erases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The step.
    pub step: StepName,
    /// The node; `None` where it belongs to none, and then nobody can consent.
    pub node: Option<NodeName>,
    /// The serial numbers of what is erased; empty where the step does not say, and then nobody can consent.
    pub serials: BTreeSet<String>,
}

impl Erasure {
    /// All that a plan erases, in the order of its steps.
    #[must_use]
    pub fn all(plan: &Plan) -> Vec<Self> {
        let belonging = Belonging::new(plan.site());
        plan.steps().iter().filter_map(|planned| Self::of(&planned.step, &belonging)).collect()
    }

    pub(super) fn of(step: &Step, belonging: &Belonging<'_>) -> Option<Self> {
        (step.hazard == Hazard::Erases).then(|| Self {
            step: step.name.clone(),
            node: belonging.node_of(step),
            serials: step.erases.iter().map(|serial| serial.to_string()).collect(),
        })
    }

    /// The serial numbers that are to be erased and were not seen in the node, where its disks were seen at all: a disk was
    /// pulled, or swapped with another node's.
    pub(super) fn unseen(&self, facts: &Facts) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let key = os::DISK_SERIALS.of(&Subject::node(self.node.as_ref()?));
        // A value of another type is no sight of these disks, so all of them are missing.
        let seen: BTreeSet<String> = match facts.read(&key) {
            Ok(None) => return None,
            Ok(Some(seen)) => seen,
            Err(_) => BTreeSet::new(),
        };
        let missing: BTreeSet<String> = self.serials.difference(&seen).cloned().collect();
        (!missing.is_empty()).then_some((missing, seen))
    }
}
