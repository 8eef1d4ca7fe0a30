//! Trials of the boot device.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::BootDevice;
use dip_core::hardware::PowerState::Off;
use dip_core::provider::ErrorKind;

use super::harness::{BmcHarness, expect, trial};
use crate::provider::{Boot, BootOverride};

pub(super) fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "a_boot_device_is_seen_right_after_it_was_set_and_twice_is_once", |harness| async move {
            let Some(boot) = boot(&*harness).await? else { return Ok(not_offered()) };
            for device in [BootDevice::Network, BootDevice::Disk, BootDevice::Cdrom, BootDevice::Setup] {
                for wanted in [BootOverride::once(device), BootOverride::always(device)] {
                    for _ in 0..2 {
                        match boot.set_boot_override(wanted).await {
                            // A machine without an optical drive cannot boot from one.
                            Err(error) if error.kind() == ErrorKind::Unsupported && device != BootDevice::Disk => break,
                            set => set?,
                        }
                        let seen = boot.boot_override().await?;
                        expect(seen.agrees_with(&wanted), &format!("it agrees with {wanted:?}"), seen)?;
                    }
                }
            }
            end(&*boot).await
        }),
        trial(harness, "an_override_is_ended_and_ending_none_is_no_error", |harness| async move {
            let Some(boot) = boot(&*harness).await? else { return Ok(not_offered()) };
            boot.set_boot_override(BootOverride::always(BootDevice::Disk)).await?;
            end(&*boot).await?;
            end(&*boot).await
        }),
        trial(harness, "setting_a_boot_device_does_not_switch_the_machine", |harness| async move {
            let Some(boot) = boot(&*harness).await? else { return Ok(not_offered()) };
            let Some(power) = harness.bmc().power() else {
                return Ok(Verdict::Ignored("this BMC does not tell the power".to_owned()));
            };
            let before = harness.starts().await;
            boot.set_boot_override(BootOverride::once(BootDevice::Disk)).await?;
            let state = power.state().await?;
            expect(state == Off, "the machine is still off", state)?;
            expect(harness.starts().await == before, "nobody started it", before)?;
            end(&*boot).await
        }),
    ]
}

/// The boot facet of a machine that is off.
async fn boot(harness: &dyn BmcHarness) -> Result<Option<Arc<dyn Boot>>, Failure> {
    harness.bring(Off).await?;
    Ok(harness.bmc().boot())
}

async fn end(boot: &dyn Boot) -> Result<Verdict, Failure> {
    boot.set_boot_override(BootOverride::once(BootDevice::Default)).await?;
    let seen = boot.boot_override().await?;
    expect(seen.device == Some(BootDevice::Default), "there is no override", seen)?;
    Ok(Verdict::Passed)
}

fn not_offered() -> Verdict {
    Verdict::Ignored("this BMC does not set boot devices".to_owned())
}
