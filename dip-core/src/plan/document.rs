//! A plan on disk. Reading one checks it again, so that a file cannot smuggle in a circle or another plan's id.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Goal, Held, Known, Parts, Plan, PlanError, PlanId, PlannedBoot, PlannedStep, Watch};
use crate::actor::Actor;
use crate::id::StepId;
use crate::layer::Deferred;
use crate::site::Site;

/// The version of the form that plans have on disk.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    dip_plan: u32,
    id: &'a PlanId,
    goal: Goal,
    #[serde(skip_serializing_if = "Option::is_none")]
    planner: &'a Option<Actor>,
    site: &'a Site,
    steps: &'a [PlannedStep],
    boots: &'a [PlannedBoot],
    known: &'a [Known],
    held: &'a [Held],
    #[serde(skip_serializing_if = "<[Watch]>::is_empty")]
    watches: &'a [Watch],
    #[serde(skip_serializing_if = "<[Deferred]>::is_empty")]
    deferred: &'a [Deferred],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    dip_plan: u32,
    id: PlanId,
    goal: Goal,
    #[serde(default)]
    planner: Option<Actor>,
    site: Site,
    steps: Vec<PlannedStep>,
    boots: Vec<PlannedBoot>,
    known: Vec<Known>,
    held: Vec<Held>,
    #[serde(default)]
    watches: Vec<Watch>,
    #[serde(default)]
    deferred: Vec<Deferred>,
}

/// A text is not a sound plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanDocumentError {
    /// It was written by a version of dip that this one does not know.
    #[error("the plan has form {0}, and this dip reads form {VERSION}; plan again")]
    Version(u32),
    /// A boot names a step that is not in the plan.
    #[error("boot {ordinal} of {node} names step {step}, which the plan does not have")]
    Boot {
        /// The boot's number.
        ordinal: u16,
        /// The boot's node.
        node: String,
        /// The step.
        step: StepId,
    },
    /// It is not sound.
    #[error("the plan is not sound: {0}")]
    Unsound(PlanError),
    /// Its id is not the one of its content: it was changed by hand, or in transit.
    #[error(
        "the plan says that its id is {said}, and its content has the id {found}; it was changed after it was made"
    )]
    Changed {
        /// What it says.
        said: String,
        /// What it is.
        found: String,
    },
}

impl Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            dip_plan: VERSION,
            id: self.id(),
            goal: self.goal,
            planner: &self.planner,
            site: &self.site,
            steps: &self.steps,
            boots: &self.boots,
            known: &self.known,
            held: &self.held,
            watches: &self.watches,
            deferred: &self.deferred,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read::deserialize(deserializer)?.check().map_err(serde::de::Error::custom)
    }
}

impl Read {
    fn check(self) -> Result<Plan, PlanDocumentError> {
        if self.dip_plan != VERSION {
            return Err(PlanDocumentError::Version(self.dip_plan));
        }
        for boot in &self.boots {
            let named = boot.parts.iter().chain(&boot.work).chain(&boot.leaves);
            if let Some(&step) = named.into_iter().find(|step| step.index() >= self.steps.len()) {
                let (ordinal, node) = (boot.boot.ordinal, boot.boot.node.to_string());
                return Err(PlanDocumentError::Boot { ordinal, node, step });
            }
        }
        let said = self.id;
        let mut plan = Plan::assemble(Parts {
            site: Arc::new(self.site),
            goal: self.goal,
            steps: self.steps,
            boots: self.boots,
            known: self.known,
            held: self.held,
            watches: self.watches,
            deferred: self.deferred,
        })
        .map_err(|faults| PlanDocumentError::Unsound(PlanError::new(faults)))?;
        plan.planner = self.planner;
        if *plan.id() == said {
            Ok(plan)
        } else {
            Err(PlanDocumentError::Changed { said: said.to_string(), found: plan.id().to_string() })
        }
    }
}
