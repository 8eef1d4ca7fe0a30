//! `firmware.power_off`: the node has no power: its system is asked to shut down, and only then switched off.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::firmware::{POWER, POWER_CYCLED};
use dip_core::fact::opsmgmt::{CMDB_RECORD, MONITORED, NAME};
use dip_core::fact::{FactKey, Facts};
use dip_core::hardware::PowerState;
use dip_core::id::LayerId;
use dip_core::operation::{Applied, Check, Context, Diff, Gap, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, PowerAction};
use dip_core::site::Origin;
use dip_core::step::{Boot, Hazard, Need, Step};
use serde::{Deserialize, Serialize};

use super::boot_ref::{BootRef, Start, bmc_lock};
use crate::provider::Bmc;

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
    /// The boot that this is a part of, or that it ends.
    pub boot: BootRef,
    /// Whether it is the way into a boot and not its end.
    #[serde(default, skip_serializing_if = "Start::is_as_found")]
    pub start: Start,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Purpose::is_boot")]
    pub purpose: Purpose,
}

/// Why a node is switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It is booted into another environment.
    #[default]
    Boot,
    /// It should be gone.
    Removal {
        /// The serial number that the site file tells for it: the BMC of a machine that was taken out may serve another one now.
        serial: Option<String>,
    },
}

impl Purpose {
    const fn is_boot(&self) -> bool {
        matches!(self, Self::Boot)
    }
}

impl PowerOff {
    /// As a part of a boot.
    pub(crate) fn step(self, boot: &Boot, origin: Option<Origin>) -> Step {
        let fact = self.fact();
        self.bare().give(fact).origin(origin).part_of(boot)
    }

    /// As the removal of a node's power. The node is told by no record by then, so nobody is sent to it.
    pub(crate) fn removal(boot: BootRef, serial: Option<String>) -> Step {
        let subject = boot.subject();
        let records = [NAME.of(&subject), CMDB_RECORD.of(&subject), MONITORED.of(&subject)];
        let step = Self { boot, start: Start::AsFound, purpose: Purpose::Removal { serial } }.bare();
        records.iter().fold(step, |step, record| step.need(Need::IfGiven(record.gone())))
    }

    fn bare(&self) -> Step {
        Step::new(LayerId::Firmware, self.boot.subject(), self)
            .lock(bmc_lock(&self.boot.node))
            .hazard(Hazard::Disrupts)
            .patience(PATIENCE)
    }

    /// Whose machine it is now, where it is known to be another one than the site file means.
    async fn another_machine(&self, cx: &Context<'_>) -> Result<Option<String>, OperationError> {
        let Purpose::Removal { serial: Some(wanted) } = &self.purpose else { return Ok(None) };
        let seen = cx.provider::<dyn Bmc>(&self.boot.subject())?.identity().await?.serial;
        Ok(seen.filter(|seen| seen != wanted).map(|seen| {
            let node = &self.boot.node;
            format!("the machine at the BMC of node `{node}` has serial number `{seen}` and not `{wanted}`, so it is not switched off")
        }))
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
        if let Some(whose) = self.another_machine(cx).await? {
            return Ok(Check::Unknown(Gap::Foreign(whose.into())));
        }
        Ok(match self.boot.power(cx)?.state().await? {
            PowerState::Off if !self.purpose.is_boot() => Check::Holds(Facts::new()),
            PowerState::Off => Check::Holds(Facts::new().with_key(self.fact(), &PowerState::Off)),
            PowerState::On => Check::Differs(Diff::of("power", Some(PowerState::On), Some(PowerState::Off))),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        if let Some(whose) = self.another_machine(cx).await? {
            return Err(OperationError::Impossible(whose));
        }
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
        PowerOff { boot: (&boot_of_n1(Environment::Off)).into(), start: Start::AsFound, purpose: Purpose::Boot }
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
        let off = PowerOff { boot: (&boot).into(), start: Start::of(&boot), purpose: Purpose::Boot }.step(&boot, None);
        let subject = (&off.subject, boot.ordinal);
        assert_eq!(off.gives, [POWER_CYCLED.of_boot(subject.0, subject.1)]);
        assert_eq!(wanted().step(&boot_of_n1(Environment::Off), None).gives, [POWER.of_boot(subject.0, subject.1)]);
    }
}
