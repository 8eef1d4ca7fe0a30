//! An approval: somebody has read a plan and says yes to just this plan.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::plan::PlanId;

/// Somebody says yes to one plan. It holds for the plan with this id and no other: a plan that is made again from other
/// wishes or other readings has another id, and needs another approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The plan.
    pub plan: PlanId,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The ticket or change record that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
