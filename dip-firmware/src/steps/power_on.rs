//! `firmware.power_on`: the node has power.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::POWER;
use dip_core::hardware::PowerState;
use dip_core::id::LayerId;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::PowerAction;
use dip_core::site::Origin;
use dip_core::step::{Boot, Step};
use serde::{Deserialize, Serialize};

use super::boot_ref::{BootRef, bmc_lock};

/// Chassis power comes within seconds of the request.
const POLL: Duration = Duration::from_secs(1);

/// Switches a node on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerOn {
    /// The boot that this is a part of.
    pub boot: BootRef,
}

impl PowerOn {
    pub(crate) fn step(self, boot: &Boot, origin: Option<Origin>) -> Step {
        let subject = self.boot.subject();
        let key = POWER.of_boot(&subject, self.boot.ordinal);
        Step::new(LayerId::Firmware, subject, &self)
            .give(key)
            .lock(bmc_lock(&self.boot.node))
            .origin(origin)
            .part_of(boot)
    }
}

#[async_trait]
impl Operation for PowerOn {
    const NAME: &'static str = "firmware.power_on";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        Ok(match self.boot.power(cx)?.state().await? {
            PowerState::On => {
                let key = POWER.of_boot(&self.boot.subject(), self.boot.ordinal);
                Check::Holds(Facts::new().with_key(key, &PowerState::On))
            }
            PowerState::Off => Check::Differs(Diff::of("power", Some(PowerState::Off), Some(PowerState::On))),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        self.boot.power(cx)?.request(PowerAction::On).await?;
        Ok(Applied::wait("the chassis to have power", POLL))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{bench_of, boot_of_n1};
    use dip_core::provider::MockPower;
    use dip_core::step::Environment;
    use dip_core::subject::Subject;
    use dip_core::testing::Bench;

    fn wanted() -> PowerOn {
        PowerOn { boot: (&boot_of_n1(Environment::Installed)).into() }
    }

    fn bench(power: MockPower) -> Bench {
        bench_of(Some(Arc::new(power)), None, wanted().step(&boot_of_n1(Environment::Installed), None))
    }

    #[tokio::test]
    async fn a_node_that_is_on_tells_the_fact_of_this_boot() {
        let mut power = MockPower::new();
        power.expect_state().returning(|| Ok(PowerState::On));
        let check = wanted().check(&bench(power).context()).await.expect("the BMC answers");
        let key = POWER.of_boot(&Subject::node(&wanted().boot.node), 1);
        assert_eq!(check, Check::Holds(Facts::new().with_key(key, &PowerState::On)));
    }

    #[tokio::test]
    async fn a_node_that_is_off_is_switched_on_and_waited_for() {
        let mut power = MockPower::new();
        power.expect_state().returning(|| Ok(PowerState::Off));
        power.expect_request().withf(|action| *action == PowerAction::On).times(1).returning(|_| Ok(()));
        let bench = bench(power);
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the BMC answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "power off → on");
        assert!(matches!(wanted().apply(&bench.context()).await, Ok(Applied::Wait { .. })));
    }

    #[tokio::test]
    async fn a_bmc_without_power_control_is_told_in_a_sentence() {
        let bench = bench_of(None, None, wanted().step(&boot_of_n1(Environment::Installed), None));
        let error = wanted().check(&bench.context()).await.expect_err("nobody can switch it");
        assert!(error.to_string().contains("the BMC of node `n1` cannot switch its power"), "{error}");
    }
}
