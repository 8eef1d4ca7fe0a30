//! What a person lets a BMC do.

use std::time::Duration;

use dip::core::hardware::{BootDevice, PowerState};
use dip::core::provider::{ErrorKind, PowerAction, ProviderError};
use dip::firmware::provider::{Bmc, BootMode, BootOverride, Light, MediaSlot, Persistence};
use serde_json::json;

use super::answer::Answer;
use super::look::offered;

type Asked = Result<Answer, ProviderError>;

/// How long a chassis may take to switch: redundant supplies and a fan check take some seconds, 1U servers up to ten.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

pub(super) async fn power(bmc: &dyn Bmc, action: PowerAction) -> Asked {
    let power = offered(bmc.power(), "switch the power")?;
    power.request(action).await?;
    let wanted = match action {
        PowerAction::On => PowerState::On,
        PowerAction::Off => PowerState::Off,
        // How long a system takes to shut down, and when a cycle is over, no BMC tells.
        PowerAction::Shutdown => return Ok(Answer::line("asked to shut down", json!({"asked": action}))),
        PowerAction::Cycle => return Ok(Answer::line("switched off and on", json!({"asked": action}))),
    };
    let looks = PATIENCE.as_millis() / BETWEEN_LOOKS.as_millis();
    for _ in 0..looks {
        if power.state().await? == wanted {
            return Ok(Answer::line(wanted.to_string(), json!({"power": wanted})));
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let why = format!("switch {wanted}: it was accepted, and has not come true after {} s", PATIENCE.as_secs());
    Err(ProviderError::new(ErrorKind::Unexpected, "bmc", why))
}

pub(super) async fn boot(bmc: &dyn Bmc, device: BootDevice, always: bool, mode: BootMode) -> Asked {
    let persistence = if always { Persistence::Always } else { Persistence::Once };
    let wanted = BootOverride { device, persistence, mode };
    offered(bmc.boot(), "set the boot device")?.set_boot_override(wanted).await?;
    let line = match device {
        BootDevice::Default => "boots as its own order says".to_owned(),
        device => format!("boots from {device} ({persistence}, {mode})"),
    };
    Ok(Answer::line(line, wanted))
}

pub(super) async fn clear_log(bmc: &dyn Bmc) -> Asked {
    offered(bmc.event_log(), "clear the event log")?.clear().await?;
    Ok(Answer::line("the log is empty", json!({"cleared": true})))
}

pub(super) async fn light(bmc: &dyn Bmc, light: Light) -> Asked {
    offered(bmc.identify_light(), "switch the light")?.set(light).await?;
    let line = match light {
        Light::On => "on",
        Light::Off => "off",
    };
    Ok(Answer::line(line, json!({"light": light})))
}

pub(super) async fn insert(bmc: &dyn Bmc, slot: Option<&str>, url: &str) -> Asked {
    let media = offered(bmc.virtual_media(), "insert an image")?;
    let slot = pick(media.slots().await?, slot, |slot| slot.image.is_none(), "insert an image")?;
    media.insert(&slot.id, url).await?;
    Ok(Answer::line(format!("{}: {url}", slot.id), json!({"slot": slot.id, "image": url})))
}

pub(super) async fn eject(bmc: &dyn Bmc, slot: Option<&str>) -> Asked {
    let media = offered(bmc.virtual_media(), "empty a virtual drive")?;
    let slot = pick(media.slots().await?, slot, |slot| slot.image.is_some(), "empty a virtual drive")?;
    media.eject(&slot.id).await?;
    Ok(Answer::line(format!("{}: empty", slot.id), json!({"slot": slot.id})))
}

/// The named slot, else the first that fits, else the first.
fn pick(
    mut slots: Vec<MediaSlot>,
    named: Option<&str>,
    fits: impl Fn(&MediaSlot) -> bool,
    action: &str,
) -> Result<MediaSlot, ProviderError> {
    let place = match named {
        Some(named) => slots.iter().position(|slot| slot.id == named),
        None => slots.iter().position(fits).or((!slots.is_empty()).then_some(0)),
    };
    place.map(|place| slots.swap_remove(place)).ok_or_else(|| {
        let there: Vec<&str> = slots.iter().map(|slot| slot.id.as_str()).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        ProviderError::new(ErrorKind::NotFound, "bmc", action).advise(format!("the virtual drives are: {there}"))
    })
}

pub(super) async fn restart(bmc: &dyn Bmc) -> Asked {
    offered(bmc.controller(), "restart the BMC")?.restart().await?;
    Ok(Answer::line("restarts; it answers again in a minute or some", json!({"restarts": true})))
}
