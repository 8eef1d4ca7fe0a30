//! A boot in a plan, and the trips of a node that become one.

use serde::{Deserialize, Serialize};

use crate::id::StepId;
use crate::plan::Reading;
use crate::step::{Boot, Step};

/// A boot in a plan: what brings it about, and what becomes possible by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedBoot {
    /// The boot.
    pub boot: Boot,
    /// The steps that bring it about.
    pub parts: Vec<StepId>,
    /// The steps that run in the environment it enters.
    pub work: Vec<StepId>,
    /// The steps that must be done before: those in the environment it leaves, and those that it makes good (a pending
    /// setting).
    pub leaves: Vec<StepId>,
}

/// A step of a boot that is still to be done, with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) step: Step,
    pub(crate) reading: Reading,
}

/// A boot as the simulation went through it; its parts have no ids yet.
#[derive(Debug)]
pub(crate) struct Trip {
    pub(crate) boot: Boot,
    pub(crate) parts: Vec<Part>,
    pub(crate) work: Vec<StepId>,
    pub(crate) leaves: Vec<StepId>,
}
