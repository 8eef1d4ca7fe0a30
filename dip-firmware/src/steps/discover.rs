//! `firmware.discover`: what a machine consists of, as its controller tells it.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::HARDWARE;
use dip_core::hardware::Hardware;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Operation, OperationError, Patience};
use dip_core::provider::ErrorKind;
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::provider::Bmc;

/// A controller is asked for each part by a request of its own, and answers some of them in seconds.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(600), attempt: Duration::from_secs(180) };

/// Reads the parts of a machine. A controller that tells of none tells nothing, which is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discover {
    /// The node.
    pub node: NodeName,
}

impl Discover {
    /// The step.
    #[must_use]
    pub fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let key = HARDWARE.of(&subject);
        let step = Step::new(LayerId::Firmware, subject, &self).give(key).lock(bmc_lock(&self.node));
        step.patience(PATIENCE).origin(origin)
    }

    async fn hardware(&self, cx: &Context<'_>) -> Result<Hardware, OperationError> {
        let Some(inventory) = cx.provider::<dyn Bmc>(&Subject::node(&self.node))?.inventory() else {
            return Ok(Hardware::default());
        };
        match inventory.hardware().await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Hardware::default()),
            told => Ok(told?),
        }
    }
}

#[async_trait]
impl Operation for Discover {
    const NAME: &'static str = "firmware.discover";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let hardware = self.hardware(cx).await?;
        Ok(Check::Holds(Facts::new().with(&HARDWARE, &Subject::node(&self.node), &hardware)))
    }

    /// There is nothing to change.
    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{Inventory, MockBmc, MockInventory};
    use crate::testing::{bench_with, node_named};
    use dip_core::hardware::{MemoryModule, Part};
    use dip_core::provider::ProviderError;

    fn wanted() -> Discover {
        Discover { node: node_named("n1") }
    }

    async fn seen(inventory: Option<MockInventory>) -> Hardware {
        let mut bmc = MockBmc::new();
        let inventory = inventory.map(|inventory| Arc::new(inventory) as Arc<dyn Inventory>);
        bmc.expect_inventory().returning(move || inventory.clone());
        let bench = bench_with(bmc, wanted().step(None));
        let Check::Holds(facts) = wanted().check(&bench.context()).await.expect("the BMC answers") else {
            panic!("reading never differs");
        };
        facts.read(&HARDWARE.of(&Subject::node(&wanted().node))).expect("its type").expect("it is told")
    }

    #[tokio::test]
    async fn the_parts_become_a_fact() {
        let part = Part { slot: "DIMM A1".to_owned(), ..Part::default() };
        let memory = Some(vec![MemoryModule { part, mebibytes: Some(32_768) }]);
        let told = Hardware { memory, ..Hardware::default() };
        let mut inventory = MockInventory::new();
        let tells = told.clone();
        inventory.expect_hardware().returning(move || Ok(tells.clone()));
        assert_eq!(seen(Some(inventory)).await, told);
    }

    #[tokio::test]
    async fn a_controller_that_knows_no_parts_tells_nothing_of_them() {
        assert_eq!(seen(None).await, Hardware::default());
        let mut inventory = MockInventory::new();
        inventory
            .expect_hardware()
            .returning(|| Err(ProviderError::new(ErrorKind::Unsupported, "mock", "list the parts")));
        assert_eq!(seen(Some(inventory)).await, Hardware::default());
    }
}
