//! From what a machine boots next.

use async_trait::async_trait;
use dip_core::hardware::BootDevice;
use dip_core::provider::ProviderError;
use serde_json::{Value, json};

use super::error::Failure;
use super::machine::Machine;
use super::power::choose;
use super::resource::{self, ComputerSystem};
use crate::provider::{Boot, BootMode, BootOverride, BootState, Persistence};
use crate::quirks::Quirk;

#[async_trait]
impl Boot for Machine {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        let read = async {
            let system = self.system().await?.body;
            let waiting = match self.has_settings(&system).await? {
                true => self.waiting_boot(&system).await?,
                false => None,
            };
            Ok(boot_state(waiting.as_ref().or(system.boot.as_ref()).ok_or_else(no_boot)?))
        };
        read.await.map_err(self.failed("read the boot device"))
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        self.set_boot(wanted).await.map_err(self.failed(&format!("set the boot device {}", wanted.device)))
    }
}

/// What the BMC wants said in its own way.
#[derive(Debug, Clone, Copy, Default)]
struct Ways {
    mode_always: bool,
    usb_cd: bool,
}

impl Machine {
    async fn set_boot(&self, wanted: BootOverride) -> Result<(), Failure> {
        let ways =
            Ways { mode_always: self.has(Quirk::BootModeAlways).await?, usb_cd: self.has(Quirk::CdIsUsbCd).await? };
        let path = self.system_path().await?.to_owned();
        let system = self.system().await?.body;
        if self.has_settings(&system).await? {
            let now = system.boot.as_ref().ok_or_else(no_boot)?.clone();
            let settings = system.settings.0.and_then(|settings| settings.settings_object.0).and_then(|link| link.id);
            let settings = settings.unwrap_or_else(|| format!("{}/Settings", path.trim_end_matches('/')));
            let decide = |_: &ComputerSystem| Ok(Some(json!({ "Boot": boot_settings(&now, wanted, ways)? })));
            return self.change(&settings, decide).await.map(drop);
        }
        let decide = |system: &ComputerSystem| {
            let now = system.boot.as_ref().ok_or_else(no_boot)?;
            Ok(Some(json!({ "Boot": boot_settings(now, wanted, ways)? })))
        };
        self.change(&path, decide).await.map(drop)
    }

    async fn has_settings(&self, system: &ComputerSystem) -> Result<bool, Failure> {
        // Who names no settings resource has none to go through; most are spared the question.
        Ok(system.settings.is_some() && self.has(Quirk::BootThroughSettings).await?)
    }

    /// The override that waits in the settings resource.
    async fn waiting_boot(&self, system: &ComputerSystem) -> Result<Option<resource::Boot>, Failure> {
        let link = system.settings.as_ref().and_then(|settings| settings.settings_object.as_ref());
        let settings = self.client.follow::<ComputerSystem>(link).await?;
        Ok(settings.and_then(|settings| settings.body.boot.0).filter(|boot| boot.target.is_some()))
    }
}

fn no_boot() -> Failure {
    Failure::Lacking { what: "the system tells nothing about its boot device".to_owned() }
}

fn boot_settings(now: &resource::Boot, wanted: BootOverride, ways: Ways) -> Result<Value, Failure> {
    let targets: &[&str] = match wanted.device {
        BootDevice::Default => {
            return Ok(json!({ "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None" }));
        }
        BootDevice::Disk => &["Hdd"],
        BootDevice::Network => &["Pxe", "UefiHttp"],
        BootDevice::Cdrom if ways.usb_cd => &["UsbCd", "Cd"],
        BootDevice::Cdrom => &["Cd"],
        BootDevice::Setup => &["BiosSetup"],
    };
    let target = choose(targets, now.targets.0.as_deref()).ok_or_else(|| Failure::Lacking {
        what: format!("the system cannot be told to boot from {}", wanted.device),
    })?;
    let enabled = match wanted.persistence {
        Persistence::Once => "Once",
        Persistence::Always => "Continuous",
    };
    let mode = match wanted.mode {
        BootMode::Uefi => "UEFI",
        BootMode::Bios => "Legacy",
    };
    let mut settings = json!({ "BootSourceOverrideEnabled": enabled, "BootSourceOverrideTarget": target });
    // Many services refuse a mode that they do not tell, and some even the one they are in.
    if now.mode.as_deref().is_some_and(|now| now != mode || ways.mode_always) {
        settings["BootSourceOverrideMode"] = json!(mode);
    }
    Ok(settings)
}

fn boot_state(boot: &resource::Boot) -> BootState {
    let mode = match boot.mode.as_deref() {
        Some("UEFI") => Some(BootMode::Uefi),
        Some("Legacy") => Some(BootMode::Bios),
        _ => None,
    };
    let persistence = match boot.enabled.as_deref() {
        Some("Disabled") => return BootState { device: Some(BootDevice::Default), persistence: None, mode },
        Some("Once") => Some(Persistence::Once),
        Some("Continuous") => Some(Persistence::Always),
        _ => None,
    };
    let device = match boot.target.as_deref() {
        None | Some("None" | "") => Some(BootDevice::Default),
        Some("Hdd") => Some(BootDevice::Disk),
        Some("Pxe" | "UefiHttp") => Some(BootDevice::Network),
        Some("Cd" | "UsbCd") => Some(BootDevice::Cdrom),
        Some("BiosSetup") => Some(BootDevice::Setup),
        Some(_) => None,
    };
    BootState { device, persistence, mode }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(body: Value) -> resource::Boot {
        serde_json::from_value(body).expect("it is an object")
    }

    #[test]
    fn an_override_that_is_disabled_is_none_whatever_its_target() {
        let boot = boot(json!({ "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "Pxe" }));
        assert_eq!(boot_state(&boot).device, Some(BootDevice::Default));
    }

    #[test]
    fn the_mode_is_sent_only_where_it_must_change() {
        let now = |mode: Option<&str>| boot(json!({ "BootSourceOverrideMode": mode }));
        let wanted = BootOverride::once(BootDevice::Network);
        let plain = json!({ "BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe" });
        for same in [None, Some("UEFI")] {
            assert_eq!(boot_settings(&now(same), wanted, Ways::default()).expect("nothing forbids it"), plain);
        }
        let changed = boot_settings(&now(Some("Legacy")), wanted, Ways::default()).expect("nothing forbids it");
        assert_eq!(changed["BootSourceOverrideMode"], "UEFI");
        let always = Ways { mode_always: true, ..Ways::default() };
        let said = boot_settings(&now(Some("UEFI")), wanted, always).expect("nothing forbids it");
        assert_eq!(said["BootSourceOverrideMode"], "UEFI");
    }

    #[test]
    fn a_device_that_the_service_does_not_list_is_unsupported() {
        let now = boot(json!({ "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe"] }));
        let failure =
            boot_settings(&now, BootOverride::once(BootDevice::Disk), Ways::default()).expect_err("it is not listed");
        assert_eq!(failure.to_string(), "the system cannot be told to boot from disk");
    }
}
