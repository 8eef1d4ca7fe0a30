//! The boot device of a machine by IPMI (28.12 to 28.14).

use std::sync::PoisonError;

use async_trait::async_trait;
use dip_core::hardware::BootDevice;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::ipmi;
use crate::provider::{Boot, BootMode, BootOverride, BootState, Persistence};

#[async_trait]
impl Boot for Machine {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        let action = "read the boot device";
        let seen = self.bmc(action).await?.boot_device().await.map_err(|error| self.failed(action, error))?;
        let is_ours = *self.set.lock().unwrap_or_else(PoisonError::into_inner) == Some(seen.device);
        // Flags that are not marked as valid are no override (28.13), and may be left from one that was used long ago. But some
        // BMCs never mark them: of those, what was set here is believed.
        let counts = seen.is_marked_valid() || is_ours;
        Ok(if counts { boot_state(seen) } else { NO_OVERRIDE })
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        let action = format!("set the boot device {}", wanted.device);
        let bmc = self.bmc(&action).await?;
        let wanted = to_ipmi(wanted);
        bmc.set_boot_device(wanted).await.map_err(|error| self.failed(&action, error))?;
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted.device);
        Ok(())
    }
}

const NO_OVERRIDE: BootState = BootState { device: Some(BootDevice::Default), persistence: None, mode: None };

fn boot_state(seen: ipmi::BootState) -> BootState {
    let device = match seen.device {
        ipmi::BootDevice::None => Some(BootDevice::Default),
        ipmi::BootDevice::Pxe => Some(BootDevice::Network),
        ipmi::BootDevice::Disk => Some(BootDevice::Disk),
        ipmi::BootDevice::Cdrom => Some(BootDevice::Cdrom),
        ipmi::BootDevice::BiosSetup => Some(BootDevice::Setup),
        _ => None,
    };
    let persistence = seen.persistence.map(|persistence| match persistence {
        ipmi::BootPersistence::Once => Persistence::Once,
        ipmi::BootPersistence::Always => Persistence::Always,
    });
    let mode = seen.mode.map(|mode| match mode {
        ipmi::BootMode::Efi => BootMode::Uefi,
        ipmi::BootMode::Bios => BootMode::Bios,
    });
    BootState { device, persistence, mode }
}

fn to_ipmi(wanted: BootOverride) -> ipmi::BootOverride {
    ipmi::BootOverride {
        device: match wanted.device {
            BootDevice::Default => ipmi::BootDevice::None,
            BootDevice::Network => ipmi::BootDevice::Pxe,
            BootDevice::Disk => ipmi::BootDevice::Disk,
            BootDevice::Cdrom => ipmi::BootDevice::Cdrom,
            BootDevice::Setup => ipmi::BootDevice::BiosSetup,
        },
        persistence: match wanted.persistence {
            Persistence::Once => ipmi::BootPersistence::Once,
            Persistence::Always => ipmi::BootPersistence::Always,
        },
        mode: match wanted.mode {
            BootMode::Uefi => ipmi::BootMode::Efi,
            BootMode::Bios => ipmi::BootMode::Bios,
        },
    }
}
