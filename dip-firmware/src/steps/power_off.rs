//! `firmware.power_off`: the node has no power: its system is asked to shut down, and only then switched off.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::firmware::{POWER, POWER_CYCLED};
use dip_core::fact::{FactKey, Facts};
use dip_core::hardware::PowerState;
use dip_core::id::LayerId;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, PowerAction};
use dip_core::site::Origin;
use dip_core::step::{Boot, Hazard, Step};
use serde::{Deserialize, Serialize};

use super::boot_ref::{BootRef, Start, bmc_lock};

/// How often the system is asked to shut down before its power is cut. Twice, so that one request that got lost, or one attempt that a
/// busy BMC refused, does not cost a running system its unwritten data.
const ASKED: u32 = 2;
/// The grace after each request is the length of an attempt: the engine asks again after it.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(5 * 60), attempt: Duration::from_secs(60) };
/// A system takes seconds to shut down.
const POLL: Duration = Duration::from_secs(2);

/// Switches a node off, the gentle way first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerOff {
    /// The boot that this is a part of.
    pub boot: BootRef,
    /// Whether it is the way into a boot and not its end.
    #[serde(default, skip_serializing_if = "Start::is_as_found")]
    pub start: Start,
}

impl PowerOff {
    pub(crate) fn step(self, boot: &Boot, origin: Option<Origin>) -> Step {
        let subject = self.boot.subject();
        Step::new(LayerId::Firmware, subject, &self)
            .give(self.fact())
            .lock(bmc_lock(&self.boot.node))
            .hazard(Hazard::Disrupts)
            .patience(PATIENCE)
            .origin(origin)
            .part_of(boot)
    }

    /// On the way into a boot the power is off for a moment only, and the boot has a fact for the power that it ends with.
    fn fact(&self) -> FactKey {
        match self.start {
            Start::AsFound => POWER.of_boot(&self.boot.subject(), self.boot.ordinal),
            Start::Afresh => POWER_CYCLED.of_boot(&self.boot.subject(), self.boot.ordinal),
        }
    }
}

#[async_trait]
impl Operation for PowerOff {
    const NAME: &'static str = "firmware.power_off";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        Ok(match self.boot.power(cx)?.state().await? {
            PowerState::Off => Check::Holds(Facts::new().with_key(self.fact(), &PowerState::Off)),
            PowerState::On => Check::Differs(Diff::of("power", Some(PowerState::On), Some(PowerState::Off))),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let power = self.boot.power(cx)?;
        if cx.assignment().attempt <= ASKED {
            match power.request(PowerAction::Shutdown).await {
                Ok(()) => return Ok(Applied::wait("the system to shut down", POLL)),
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    tracing::info!(node = %self.boot.node, "the BMC cannot ask the system to shut down; its power is cut");
                }
                Err(error) => return Err(error.into()),
            }
        }
        power.request(PowerAction::Off).await?;
        Ok(Applied::wait("the chassis to lose power", POLL))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testing::{bench_of, boot_of_n1};
    use dip_core::provider::{MockPower, ProviderError};
    use dip_core::step::Environment;

    fn wanted() -> PowerOff {
        PowerOff { boot: (&boot_of_n1(Environment::Off)).into(), start: Start::AsFound }
    }

    /// What a node that never shuts down is asked at an attempt.
    async fn asked(
        attempt: u32,
        refuses_shutdown: Option<ErrorKind>,
    ) -> (Vec<PowerAction>, Result<Applied, OperationError>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut power = MockPower::new();
        let log = Arc::clone(&asked);
        power.expect_request().returning(move |action| {
            log.lock().expect("no test panics while it holds it").push(action);
            match refuses_shutdown {
                Some(kind) if action == PowerAction::Shutdown => Err(ProviderError::new(kind, "mock", "shut down")),
                _ => Ok(()),
            }
        });
        let bench =
            bench_of(Some(Arc::new(power)), None, wanted().step(&boot_of_n1(Environment::Off), None)).attempt(attempt);
        let applied = wanted().apply(&bench.context()).await;
        let asked = asked.lock().expect("no test panics while it holds it").clone();
        (asked, applied)
    }

    #[tokio::test]
    async fn the_system_is_asked_twice_and_then_switched_off() {
        for (attempt, action) in [(1, PowerAction::Shutdown), (2, PowerAction::Shutdown), (3, PowerAction::Off)] {
            let (asked, applied) = asked(attempt, None).await;
            assert_eq!(asked, [action], "attempt {attempt}");
            assert!(matches!(applied, Ok(Applied::Wait { .. })));
        }
    }

    #[tokio::test]
    async fn a_bmc_that_cannot_ask_switches_off_at_once_and_a_busy_one_does_not() {
        let (unsupported, applied) = asked(1, Some(ErrorKind::Unsupported)).await;
        assert_eq!(unsupported, [PowerAction::Shutdown, PowerAction::Off]);
        assert!(applied.is_ok());
        let (busy, applied) = asked(1, Some(ErrorKind::Busy)).await;
        assert_eq!(busy, [PowerAction::Shutdown]);
        assert!(applied.is_err());
    }

    #[tokio::test]
    async fn a_node_that_is_off_holds() {
        let mut power = MockPower::new();
        power.expect_state().returning(|| Ok(PowerState::Off));
        let bench = bench_of(Some(Arc::new(power)), None, wanted().step(&boot_of_n1(Environment::Off), None));
        assert!(matches!(wanted().check(&bench.context()).await, Ok(Check::Holds(_))));
    }

    #[test]
    fn the_way_into_a_boot_has_a_fact_of_its_own() {
        let boot = boot_of_n1(Environment::Discovery);
        let off = PowerOff { boot: (&boot).into(), start: Start::of(&boot) }.step(&boot, None);
        let subject = (&off.subject, boot.ordinal);
        assert_eq!(off.gives, [POWER_CYCLED.of_boot(subject.0, subject.1)]);
        assert_eq!(wanted().step(&boot_of_n1(Environment::Off), None).gives, [POWER.of_boot(subject.0, subject.1)]);
    }
}
