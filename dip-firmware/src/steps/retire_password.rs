//! `firmware.retire_password`: the store forgets the passwords that a controller no longer takes.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::BMC_PASSWORD;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::secret::SecretError;
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::hygiene::Keyring;

/// Forgets passwords before a generation that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetirePassword {
    /// The node.
    pub node: NodeName,
    /// The password in use.
    pub generation: u32,
}

impl RetirePassword {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let proved = BMC_PASSWORD.of(&subject);
        Step::new(LayerId::Firmware, subject, &self).need_facts([proved]).seen_after_needs().origin(origin)
    }
}

#[async_trait]
impl Operation for RetirePassword {
    const NAME: &'static str = "firmware.retire_password";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let keyring = cx.provider::<Keyring>(&Subject::node(&self.node))?;
        let former = keyring.former(self.generation).map_err(|error| unusable(&self.node, &error))?;
        let wanted = None::<&str>;
        let diff = former.iter().fold(Diff::default(), |diff, version| {
            diff.and("former password", Some(format!("generation {version}")), wanted)
        });
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let keyring = cx.provider::<Keyring>(&Subject::node(&self.node))?;
        keyring.retire(self.generation).map_err(|error| unusable(&self.node, &error))?;
        Ok(Applied::Done)
    }
}

fn unusable(node: &NodeName, error: &SecretError) -> OperationError {
    let why = dip_core::provider::sentence(error);
    OperationError::Impossible(format!("the store of passwords of node `{node}` cannot be used: {why}"))
}
