//! `firmware.read_components`: which firmware a node's components run is known.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::{Fact, Facts};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Operation, OperationError, Patience};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use crate::provider::Component;

/// The firmware of a node's components (`node/<node>`). Updates are planned from it.
pub const COMPONENTS: Fact<Vec<Component>> = Fact::new("firmware.components");

/// Each component is a question of its own to many controllers; large machines have some dozens.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(10 * 60), attempt: Duration::from_secs(2 * 60) };

/// Reads what firmware there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadComponents {
    /// The node.
    pub node: NodeName,
}

impl ReadComponents {
    pub(crate) fn step(self, origin: Option<&Origin>) -> Step {
        let subject = Subject::node(&self.node);
        Step::new(LayerId::Firmware, subject.clone(), &self)
            .give(COMPONENTS.of(&subject))
            .lock(bmc_lock(&self.node))
            .patience(PATIENCE)
            .origin(origin.cloned())
    }
}

#[async_trait]
impl Operation for ReadComponents {
    const NAME: &'static str = "firmware.read_components";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let firmware = facet(cx, &self.node, "tell of its firmware", |bmc| bmc.firmware())?;
        let components = firmware.components().await?;
        Ok(Check::Holds(Facts::new().with(&COMPONENTS, &Subject::node(&self.node), &components)))
    }

    /// Its check never differs.
    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}
