//! A machine by Redfish: identity, power, boot device.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::provider::{Power, PowerAction, ProviderError};
use dip_core::secret::Secret;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::client::{Client, Resource};
use super::discovery::find_system;
use super::error::{Failure, RedfishError};
use super::resource::{self, ActionInfo, ComputerSystem, Reset};
use crate::provider::{
    Accounts, Bios, Bmc, Boot, BootMode, BootOverride, BootState, Console, Controller, EventLog, Firmware,
    IdentifyLight, Inventory, Persistence, Raid, SecureBoot, Sensors, Tasks, VirtualMedia,
};
use crate::providers::told::{told, uuid};
use crate::settings::RedfishSettings;

/// A BMC by Redfish.
#[derive(Debug, Clone)]
pub struct Redfish(Arc<Machine>);

impl Redfish {
    /// A BMC by its address or host name; nothing is sent yet.
    ///
    /// # Errors
    /// Where the address or the settings cannot be used.
    pub fn new(address: &str, user: &str, password: &Secret, settings: &RedfishSettings) -> Result<Self, RedfishError> {
        let client = Client::new(address, user, password, settings)?;
        Ok(Self(Arc::new(Machine { client, wanted: settings.system.clone(), path: OnceCell::new() })))
    }

    /// Closes the session that is kept, if there is one.
    pub async fn close(&self) {
        self.0.client.close().await;
    }
}

#[async_trait]
impl Bmc for Redfish {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        let system = self.0.system().await.map_err(self.0.failed("ask who the machine is"))?.body;
        Ok(Identity {
            manufacturer: told(system.manufacturer.as_deref()),
            model: told(system.model.as_deref()),
            serial: told(system.serial_number.as_deref()),
            uuid: uuid(system.uuid.as_deref()),
            ..Identity::default()
        })
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        Some(Arc::clone(&self.0) as Arc<dyn Power>)
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        Some(Arc::clone(&self.0) as Arc<dyn Boot>)
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        None
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        None
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        None
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        None
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        None
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        None
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        None
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        None
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        None
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        None
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        None
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        None
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        None
    }
}

#[derive(Debug)]
struct Machine {
    client: Client,
    /// The id that the site file gives for the system.
    wanted: Option<String>,
    /// The path of the system, once it is found.
    path: OnceCell<String>,
}

impl Machine {
    async fn system(&self) -> Result<Resource<ComputerSystem>, Failure> {
        let path = self.path.get_or_try_init(|| find_system(&self.client, self.wanted.as_deref())).await?;
        self.client.read(path).await
    }

    fn failed(&self, action: &str) -> impl FnOnce(Failure) -> ProviderError {
        let action = format!("{action} at {}", self.client.host());
        |failure| failure.in_action(action)
    }

    async fn reset(&self, wanted: PowerAction) -> Result<(), Failure> {
        let system = self.system().await?.body;
        let state = power_state(&system)?;
        let types: &[&str] = match (wanted, state) {
            (PowerAction::On, PowerState::On) | (PowerAction::Off | PowerAction::Shutdown, PowerState::Off) => {
                return Ok(());
            }
            // A cycle of a machine that is off switches it on.
            (PowerAction::On | PowerAction::Cycle, PowerState::Off) => &["On", "ForceOn"],
            (PowerAction::Off, PowerState::On) => &["ForceOff"],
            (PowerAction::Shutdown, PowerState::On) => &["GracefulShutdown", "PushPowerButton"],
            (PowerAction::Cycle, PowerState::On) => &["PowerCycle", "ForceRestart"],
        };
        let reset = system.actions.and_then(|actions| actions.reset);
        let Some(Reset { target: Some(target), types: listed, action_info }) = reset else {
            return Err(Failure::Lacking { what: "the system has no action `ComputerSystem.Reset`".to_owned() });
        };
        let listed = match (listed, action_info) {
            (Some(listed), _) => Some(listed),
            (None, Some(info)) => self.reset_types(&info).await?,
            (None, None) => None,
        };
        let reset_type = choose(types, listed.as_deref()).ok_or_else(|| Failure::Lacking {
            what: format!("the system offers none of the resets {}", types.join(", ")),
        })?;
        self.client.post(&target, &json!({ "ResetType": reset_type })).await
    }

    /// The types of reset as the action's description lists them.
    async fn reset_types(&self, info: &str) -> Result<Option<Vec<String>>, Failure> {
        let info: ActionInfo = match self.client.read(info).await {
            Ok(info) => info.body,
            // Some services name a description that they do not have.
            Err(failure) if failure.status() == Some(StatusCode::NOT_FOUND) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let reset_type = info.parameters.into_iter().find(|parameter| parameter.name.as_deref() == Some("ResetType"));
        Ok(reset_type.and_then(|parameter| parameter.allowable_values))
    }

    async fn set_boot(&self, wanted: BootOverride) -> Result<(), Failure> {
        let (url, body, etag) = self.boot_change(wanted).await?;
        match self.client.patch(&url, &body, etag.as_deref()).await {
            // Somebody changed the system meanwhile; the change is decided anew, once.
            Err(failure) if failure.status() == Some(StatusCode::PRECONDITION_FAILED) => {
                let (url, body, etag) = self.boot_change(wanted).await?;
                self.client.patch(&url, &body, etag.as_deref()).await
            }
            other => other,
        }
    }

    async fn boot_change(&self, wanted: BootOverride) -> Result<(reqwest::Url, Value, Option<String>), Failure> {
        let Resource { url, etag, body } = self.system().await?;
        let boot = body.boot.ok_or_else(no_boot)?;
        Ok((url, json!({ "Boot": boot_settings(&boot, wanted)? }), etag.or(body.etag)))
    }
}

fn no_boot() -> Failure {
    Failure::Lacking { what: "the system tells nothing about its boot device".to_owned() }
}

fn power_state(system: &ComputerSystem) -> Result<PowerState, Failure> {
    match system.power_state.as_deref() {
        // Power that is about to come or to go has not done so yet.
        Some("On" | "PoweringOff" | "Paused") => Ok(PowerState::On),
        Some("Off" | "PoweringOn") => Ok(PowerState::Off),
        Some(other) => Err(Failure::Odd { what: format!("the system's power state is `{other}`") }),
        None => Err(Failure::Lacking { what: "the system does not tell its power state".to_owned() }),
    }
}

/// The first wanted value that the service lists; the first of all where it lists none.
fn choose<'a>(wanted: &[&'a str], listed: Option<&[String]>) -> Option<&'a str> {
    let Some(listed) = listed.filter(|listed| !listed.is_empty()) else { return wanted.first().copied() };
    let is_listed = |value: &&&str| listed.iter().any(|other| other == **value);
    // A Supermicro BMC lists `GracefulShutdownGracefulRestart`: the comma between two values got lost.
    let is_run_together =
        |value: &&&str| value.starts_with("Graceful") && listed.iter().any(|other| other.contains(**value));
    wanted.iter().find(is_listed).or_else(|| wanted.iter().find(is_run_together)).copied()
}

fn boot_settings(now: &resource::Boot, wanted: BootOverride) -> Result<Value, Failure> {
    let targets: &[&str] = match wanted.device {
        BootDevice::Default => {
            return Ok(json!({ "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None" }));
        }
        BootDevice::Disk => &["Hdd"],
        BootDevice::Network => &["Pxe", "UefiHttp"],
        BootDevice::Cdrom => &["Cd"],
        BootDevice::Setup => &["BiosSetup"],
    };
    let target = choose(targets, now.targets.as_deref()).ok_or_else(|| Failure::Lacking {
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
    if now.mode.as_deref().is_some_and(|now| now != mode) {
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
        Some("Cd") => Some(BootDevice::Cdrom),
        Some("BiosSetup") => Some(BootDevice::Setup),
        Some(_) => None,
    };
    BootState { device, persistence, mode }
}

#[async_trait]
impl Power for Machine {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        let read = async { power_state(&self.system().await?.body) };
        read.await.map_err(self.failed("read the power state"))
    }

    async fn request(&self, action: PowerAction) -> Result<(), ProviderError> {
        let words = match action {
            PowerAction::On => "switch on the machine",
            PowerAction::Off => "switch off the machine",
            PowerAction::Shutdown => "ask for the shutdown of the machine",
            PowerAction::Cycle => "switch the machine off and on",
        };
        self.reset(action).await.map_err(self.failed(words))
    }
}

#[async_trait]
impl Boot for Machine {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        let read = async { Ok(boot_state(&self.system().await?.body.boot.ok_or_else(no_boot)?)) };
        read.await.map_err(self.failed("read the boot device"))
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        self.set_boot(wanted).await.map_err(self.failed(&format!("set the boot device {}", wanted.device)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn the_first_reset_that_the_service_lists_is_chosen() {
        let types = ["PowerCycle", "ForceRestart"];
        assert_eq!(choose(&types, None), Some("PowerCycle"));
        assert_eq!(choose(&types, Some(&[])), Some("PowerCycle"));
        assert_eq!(choose(&types, Some(&listed(&["On", "ForceRestart"]))), Some("ForceRestart"));
        assert_eq!(choose(&["On"], Some(&listed(&["ForceOn"]))), None);
        let run_together = listed(&["On", "GracefulShutdownGracefulRestart"]);
        assert_eq!(choose(&["GracefulShutdown", "PushPowerButton"], Some(&run_together)), Some("GracefulShutdown"));
    }

    #[test]
    fn an_override_that_is_disabled_is_none_whatever_its_target() {
        let boot = resource::Boot {
            enabled: Some("Disabled".to_owned()),
            target: Some("Pxe".to_owned()),
            ..resource::Boot::default()
        };
        assert_eq!(boot_state(&boot).device, Some(BootDevice::Default));
    }

    #[test]
    fn the_mode_is_sent_only_where_it_must_change() {
        let now = |mode: Option<&str>| resource::Boot { mode: mode.map(str::to_owned), ..resource::Boot::default() };
        let wanted = BootOverride::once(BootDevice::Network);
        let plain = json!({ "BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe" });
        for same in [None, Some("UEFI")] {
            assert_eq!(boot_settings(&now(same), wanted).expect("nothing forbids it"), plain);
        }
        let changed = boot_settings(&now(Some("Legacy")), wanted).expect("nothing forbids it");
        assert_eq!(changed["BootSourceOverrideMode"], "UEFI");
    }

    #[test]
    fn a_device_that_the_service_does_not_list_is_unsupported() {
        let now = resource::Boot { targets: Some(listed(&["None", "Pxe"])), ..resource::Boot::default() };
        let failure = boot_settings(&now, BootOverride::once(BootDevice::Disk)).expect_err("it is not listed");
        assert_eq!(failure.to_string(), "the system cannot be told to boot from disk");
    }
}
