//! `firmware.set_boot_device`: the node's next boot is from the wanted device.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::BOOT_DEVICE;
use dip_core::hardware::{BootDevice, PowerState};
use dip_core::id::LayerId;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Boot, Step};
use serde::{Deserialize, Serialize};

use super::boot_ref::{BootRef, Start, bmc_lock};
use crate::provider::{Bmc, BootMode, BootOverride};

/// Overrides the boot device for one boot. A node that is on already holds, since nothing is to be booted, unless the boot goes
/// through power off: then its power tells nothing of this boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBootDevice {
    /// The boot that this is a part of.
    pub boot: BootRef,
    /// From what to boot.
    pub device: BootDevice,
    /// By which firmware interface.
    pub mode: BootMode,
    /// Whether the node is switched off within this boot.
    #[serde(default, skip_serializing_if = "Start::is_as_found")]
    pub start: Start,
}

impl SetBootDevice {
    pub(crate) fn step(self, boot: &Boot, origin: Option<Origin>) -> Step {
        let subject = self.boot.subject();
        let key = BOOT_DEVICE.of_boot(&subject, self.boot.ordinal);
        Step::new(LayerId::Firmware, subject, &self)
            .give(key)
            .lock(bmc_lock(&self.boot.node))
            .origin(origin)
            .part_of(boot)
    }

    fn wanted(&self) -> BootOverride {
        // Once: should the node be booted again by somebody else, its own boot order counts.
        BootOverride { mode: self.mode, ..BootOverride::once(self.device) }
    }

    fn facts(&self, device: BootDevice) -> Facts {
        Facts::new().with_key(BOOT_DEVICE.of_boot(&self.boot.subject(), self.boot.ordinal), &device)
    }
}

#[async_trait]
impl Operation for SetBootDevice {
    const NAME: &'static str = "firmware.set_boot_device";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let bmc = cx.provider::<dyn Bmc>(&self.boot.subject())?;
        if self.start == Start::AsFound && self.boot.power(cx)?.state().await? == PowerState::On {
            return Ok(Check::Holds(self.facts(self.device)));
        }
        let Some(boot) = bmc.boot() else {
            return Ok(Check::Differs(Diff::missing("boot device", self.device)));
        };
        let now = boot.boot_override().await?;
        if now.agrees_with(&self.wanted()) {
            return Ok(Check::Holds(self.facts(self.device)));
        }
        let mut diff = Diff::default();
        if now.device != Some(self.device) {
            let now = now.device.map_or_else(|| "another".to_owned(), |device| device.to_string());
            diff = diff.and("boot device", Some(now), Some(self.device));
        }
        let wanted = self.wanted();
        if let Some(persistence) = now.persistence.filter(|persistence| *persistence != wanted.persistence) {
            diff = diff.and("boot override", Some(persistence), Some(wanted.persistence));
        }
        if let Some(mode) = now.mode.filter(|mode| *mode != wanted.mode) {
            diff = diff.and("boot mode", Some(mode), Some(wanted.mode));
        }
        Ok(Check::Differs(diff))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let bmc = cx.provider::<dyn Bmc>(&self.boot.subject())?;
        let boot = bmc.boot().ok_or_else(|| {
            OperationError::Impossible(format!(
                "the BMC of node `{}` cannot set a boot device; list a protocol in `bmc` that can",
                self.boot.node
            ))
        })?;
        boot.set_boot_override(self.wanted()).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{BootState, MockBoot, Persistence};
    use crate::testing::{bench_of, boot_of_n1};
    use dip_core::provider::MockPower;
    use dip_core::step::Environment;
    use dip_core::testing::Bench;

    fn wanted() -> SetBootDevice {
        let boot = &boot_of_n1(Environment::Installed);
        SetBootDevice { boot: boot.into(), device: BootDevice::Disk, mode: BootMode::Uefi, start: Start::AsFound }
    }

    fn bench(power: PowerState, boot: Option<MockBoot>) -> Bench {
        let mut mock = MockPower::new();
        mock.expect_state().returning(move || Ok(power));
        let boot = boot.map(|boot| Arc::new(boot) as Arc<dyn crate::provider::Boot>);
        bench_of(Some(Arc::new(mock)), boot, wanted().step(&boot_of_n1(Environment::Installed), None))
    }

    fn told(device: Option<BootDevice>, persistence: Option<Persistence>) -> MockBoot {
        let mut boot = MockBoot::new();
        boot.expect_boot_override().returning(move || Ok(BootState { device, persistence, mode: None }));
        boot
    }

    #[tokio::test]
    async fn a_node_that_is_on_has_nothing_to_boot() {
        // The mock panics if it is asked for the boot device.
        let bench = bench(PowerState::On, Some(MockBoot::new()));
        let check = wanted().check(&bench.context()).await.expect("the BMC answers");
        assert_eq!(check, Check::Holds(wanted().facts(BootDevice::Disk)));
    }

    #[tokio::test]
    async fn the_device_of_a_boot_through_power_off_is_set_though_the_node_is_on() {
        let afresh = SetBootDevice { start: Start::Afresh, ..wanted() };
        let bench = bench(PowerState::On, Some(told(Some(BootDevice::Default), None)));
        assert!(matches!(afresh.check(&bench.context()).await, Ok(Check::Differs(_))));
    }

    #[tokio::test]
    async fn the_device_holds_though_the_bmc_forgets_for_how_long() {
        let bench = bench(PowerState::Off, Some(told(Some(BootDevice::Disk), None)));
        let check = wanted().check(&bench.context()).await.expect("the BMC answers");
        assert_eq!(check, Check::Holds(wanted().facts(BootDevice::Disk)));
    }

    #[tokio::test]
    async fn another_device_differs_and_is_set_for_one_boot() {
        let mut boot = told(Some(BootDevice::Network), Some(Persistence::Always));
        boot.expect_set_boot_override()
            .withf(|wanted| *wanted == BootOverride::once(BootDevice::Disk))
            .times(1)
            .returning(|_| Ok(()));
        let bench = bench(PowerState::Off, Some(boot));
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the BMC answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "boot device network → disk, boot override always → once");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the BMC obeys"), Applied::Done);
    }

    #[tokio::test]
    async fn a_bmc_that_cannot_set_it_is_told_before_the_node_is_switched_on() {
        let bench = bench(PowerState::Off, None);
        assert!(matches!(wanted().check(&bench.context()).await, Ok(Check::Differs(_))));
        let error = wanted().apply(&bench.context()).await.expect_err("it has no such ability");
        assert!(error.to_string().contains("node `n1` cannot set a boot device"), "{error}");
    }
}
