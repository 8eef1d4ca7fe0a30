//! How much of what differs is put right without a person.

use serde::{Deserialize, Serialize};

use crate::plan::PlannedStep;
use crate::step::Hazard;

/// How much of what differs is put right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Nothing: it is only told.
    Report,
    /// What disrupts and erases nothing, and depends on nothing that does.
    Safe,
    /// Everything.
    #[default]
    All,
}

impl Repair {
    /// Whether a step is left to a person.
    #[must_use]
    pub fn withholds(self, planned: &PlannedStep) -> bool {
        match self {
            Self::Report => true,
            Self::Safe => planned.step.hazard != Hazard::None,
            Self::All => false,
        }
    }
}
