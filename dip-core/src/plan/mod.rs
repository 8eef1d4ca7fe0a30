//! The planner: draft → survey → plan. Pure and deterministic; order comes from declared needs alone.

mod boots;
mod budget;
mod build;
mod circle;
mod diff;
mod document;
mod draft;
mod error;
mod explain;
mod graph;
mod identity;
mod index;
mod near;
mod recall;
mod removal;
pub mod render;
mod resolve;
mod stale;
mod wires;
mod without;

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use boots::rest;
pub use boots::{BootCount, PlannedBoot};
pub(crate) use budget::Effect;
pub use budget::{Budget, Budgets, Member, Presence, Watch, Wave};
pub(crate) use build::environment_words;
pub use build::{Follows, Reading};
pub use diff::{BootChange, Elsewhere, FieldChange, KnownChange, OneSided, PlanDiff, Side, StepChange, ThingChange};
pub use document::PlanDocumentError;
pub use draft::{Draft, Goal};
pub use error::{Link, PlanError, PlanFault};
pub use explain::{Dependants, Explanation, NoSuchStep};
pub use graph::{Because, Graph, Vertex, VertexId};
pub use identity::PlanId;
pub(crate) use removal::{is_left_out, only_tells};
pub use stale::Stale;

use crate::actor::Actor;
use crate::fact::FactKey;
use crate::id::{LayerId, StepId};
use crate::layer::Deferred;
use crate::site::Site;
use crate::step::{Step, StepName};
use crate::subject::Subject;

/// What will be done, in which order and why; made before anything happens, fit to be read, stored and applied later.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Hashed when it is first asked for: that takes longer than all the rest of planning.
    id: OnceLock<PlanId>,
    site: Arc<Site>,
    goal: Goal,
    planner: Option<Actor>,
    steps: Vec<PlannedStep>,
    boots: Vec<PlannedBoot>,
    known: Vec<Known>,
    held: Vec<Held>,
    watches: Vec<Watch>,
    deferred: Vec<Deferred>,
    budgets: Arc<Budgets>,
    graph: Graph,
}

/// What a plan is put together from, before it is checked.
struct Parts {
    site: Arc<Site>,
    goal: Goal,
    steps: Vec<PlannedStep>,
    boots: Vec<PlannedBoot>,
    known: Vec<Known>,
    held: Vec<Held>,
    watches: Vec<Watch>,
    deferred: Vec<Deferred>,
}

/// A step of a plan with the reason why it is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step.
    pub step: Step,
    /// What the survey saw.
    pub reading: Reading,
}

/// A fact that was known when the plan was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The fact.
    pub key: FactKey,
    /// Its value.
    pub value: Value,
    /// When it was seen.
    pub at: Timestamp,
}

/// A step that is not in the plan, because all is as it wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name.
    pub name: StepName,
    /// Its layer.
    pub layer: LayerId,
    /// Its subject.
    pub subject: Subject,
    /// When that was read, where it could not be looked at now because its node is elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
}

impl Plan {
    /// Puts the parts together and checks that they make a plan: every need met, no circle, every budget possible to keep.
    fn assemble(parts: Parts) -> Result<Self, Vec<PlanFault>> {
        let Parts { site, goal, steps, boots, known, held, watches, deferred } = parts;
        let budgets = Budgets::of(&site, &steps, &boots, &watches);
        let mut faults = budgets.faults(&steps);
        let bare: Vec<&Step> = steps.iter().map(|planned| &planned.step).collect();
        let graph = match build::graph(&bare, &boots, &budgets, &known) {
            Ok(graph) if faults.is_empty() => graph,
            Ok(_) => return Err(faults),
            Err(wrong) => {
                faults.extend(wrong);
                return Err(faults);
            }
        };
        let (planner, budgets) = (None, Arc::new(budgets));
        let id = OnceLock::new();
        Ok(Self { id, site, goal, planner, steps, boots, known, held, watches, deferred, budgets, graph })
    }

    /// The plan's id: a hash of what it will do and of the values it was made from.
    #[must_use]
    pub fn id(&self) -> &PlanId {
        self.id.get_or_init(|| {
            PlanId::of(&self.site, self.goal, &self.steps, &self.boots, &self.known, &self.watches, &self.deferred)
        })
    }

    /// Says who made it. The id stays: the same wishes and readings are the same plan, whoever plans.
    #[must_use]
    pub fn planned_by(mut self, planner: Actor) -> Self {
        self.planner = Some(planner);
        self
    }

    /// Who made it, where that was said.
    #[must_use]
    pub const fn planner(&self) -> Option<&Actor> {
        self.planner.as_ref()
    }

    /// The site that it was made for, with the bindings of its services.
    #[must_use]
    pub const fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// How far it goes.
    #[must_use]
    pub const fn goal(&self) -> Goal {
        self.goal
    }

    /// Its steps, in no order of time: the graph orders them.
    #[must_use]
    pub fn steps(&self) -> &[PlannedStep] {
        &self.steps
    }

    /// One of its steps.
    #[must_use]
    pub fn step(&self, id: StepId) -> &PlannedStep {
        &self.steps[id.index()]
    }

    /// Its boots.
    #[must_use]
    pub fn boots(&self) -> &[PlannedBoot] {
        &self.boots
    }

    /// The facts that were known when it was made.
    #[must_use]
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// The steps that are not in it, because all is as they want.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The budgets that its steps take from.
    #[must_use]
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// The looks at the health of clusters that must be good before a member is taken away.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// What is not in it, because it can be planned only once more is known; [`crate::engine::Converge`] goes on with it.
    #[must_use]
    pub fn deferred(&self) -> &[Deferred] {
        &self.deferred
    }

    /// Its graph.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps are known to differ.
    #[must_use]
    pub fn differing(&self) -> usize {
        self.steps.iter().filter(|planned| matches!(planned.reading, Reading::Differs(_))).count()
    }
}
