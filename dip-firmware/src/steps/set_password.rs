//! `firmware.set_password`: a controller takes the password of a generation, and no longer the one that it was shipped with.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::{BMC_PASSWORD, IDENTITY};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::hygiene::{Key, Keyring};

/// Has a controller take the password of a generation. The password itself stands nowhere in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPassword {
    /// The node.
    pub node: NodeName,
    /// The user.
    pub user: String,
    /// Which password.
    pub generation: u32,
}

impl SetPassword {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let key = BMC_PASSWORD.of(&subject);
        // Nobody changes the password of a machine that is another one.
        let identified = Need::IfGiven(IDENTITY.of(&subject));
        let step = Step::new(LayerId::Firmware, subject, &self).give(key).need(identified);
        step.lock(bmc_lock(&self.node)).origin(origin)
    }
}

#[async_trait]
impl Operation for SetPassword {
    const NAME: &'static str = "firmware.set_password";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let subject = Subject::node(&self.node);
        let (_, key) = cx.provider::<Keyring>(&subject)?.client().await?;
        let wanted = Key::Version(self.generation);
        if key == wanted {
            return Ok(Check::Holds(Facts::new().with(&BMC_PASSWORD, &subject, &self.generation)));
        }
        Ok(Check::Differs(Diff::of(format!("password of `{}`", self.user), Some(key), Some(wanted))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<Keyring>(&Subject::node(&self.node))?.change(self.generation).await?;
        Ok(Applied::Done)
    }
}
