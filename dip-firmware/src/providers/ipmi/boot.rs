//! The boot device of a machine by IPMI (28.12 to 28.14).

use std::sync::PoisonError;

use async_trait::async_trait;
use dip_core::hardware::BootDevice;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::ipmi;
use crate::provider::{Boot, BootMode, BootOverride, BootState, Persistence};
use crate::quirks::Quirk;

#[async_trait]
impl Boot for Machine {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        let action = "read the boot device";
        let seen = self.bmc(action).await?.boot_device().await.map_err(|error| self.failed(action, error))?;
        let is_ours = *self.set.lock().unwrap_or_else(PoisonError::into_inner) == Some(seen.device);
        // Flags that are not marked as valid are no override (28.13), and may be left from one that was used long ago. But some
        // BMCs never mark them: of those, what was set here is believed.
        let counts = seen.is_marked_valid() || is_ours;
        if !counts {
            return Ok(NO_OVERRIDE);
        }
        let mut state = boot_state(seen);
        if seen.device == REMOTE_MEDIA && self.renames_disk(action).await? {
            state.device = Some(BootDevice::Disk);
        }
        Ok(state)
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        let action = format!("set the boot device {}", wanted.device);
        let bmc = self.bmc(&action).await?;
        let is_uefi_disk = wanted.device == BootDevice::Disk && wanted.mode == BootMode::Uefi;
        let mut wanted = to_ipmi(wanted);
        if is_uefi_disk && self.renames_disk(&action).await? {
            wanted.device = REMOTE_MEDIA;
        }
        bmc.set_boot_device(wanted).await.map_err(|error| self.failed(&action, error))?;
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted.device);
        Ok(())
    }
}

impl Machine {
    async fn renames_disk(&self, action: &str) -> Result<bool, ProviderError> {
        let quirks = self.quirks(self.bmc(action).await?).await.map_err(|error| self.failed(action, error))?;
        Ok(quirks.has(Quirk::UefiDiskIsRemoteMedia))
    }
}

/// The primary remote media (Table 28-14).
const REMOTE_MEDIA: ipmi::BootDevice = ipmi::BootDevice::Other(9);

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

#[cfg(test)]
mod tests {
    use dip_core::secret::Secret;

    use super::*;
    use crate::ipmi::responder::{self, PASSWORD, Responder, USER};
    use crate::ipmi::{CipherSuite, Sockets};
    use crate::quirks::Entry;
    use crate::settings::IpmiSettings;

    fn knowing(responder: &Responder, quirks: Vec<Entry>) -> Machine {
        let port = Some(responder.addr().port());
        let settings = IpmiSettings { port, quirks, ..IpmiSettings::default() };
        let password = Secret::new(PASSWORD.to_owned());
        Machine::new(&Sockets::new(), "127.0.0.1", USER, &password, &settings).expect("it fits into IPMI")
    }

    #[tokio::test]
    async fn a_bmc_with_its_own_number_for_a_disk_boots_from_it_unless_the_site_denies_that() {
        let responder = Responder::start(&[CipherSuite::C3], responder::Quirk::UefiDiskIsRemoteMedia).await;
        let [disk, network] = [BootDevice::Disk, BootDevice::Network].map(BootOverride::once);
        let known = knowing(&responder, Vec::new());
        known.set_boot_override(disk).await.expect("it is set");
        assert!(responder.boots_from_disk());
        let state = known.boot_override().await.expect("it answers");
        assert!(state.agrees_with(&disk), "{state:?}");
        known.set_boot_override(network).await.expect("it is set");
        assert!(known.boot_override().await.expect("it answers").agrees_with(&network));
        let deny = Entry {
            quirk: Quirk::UefiDiskIsRemoteMedia,
            holds: false,
            vendor: None,
            model: None,
            firmware: None,
            source: "this test".to_owned(),
        };
        knowing(&responder, vec![deny]).set_boot_override(disk).await.expect("it is set");
        assert!(!responder.boots_from_disk(), "without the quirk it goes wrong");
    }

    #[tokio::test]
    async fn a_bmc_without_the_quirk_is_told_the_number_of_the_specification() {
        let responder = Responder::start(&[CipherSuite::C3], responder::Quirk::None).await;
        let disk = BootOverride::once(BootDevice::Disk);
        knowing(&responder, Vec::new()).set_boot_override(disk).await.expect("it is set");
        assert!(responder.boots_from_disk());
    }
}
