//! The power of a machine.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::{Power, PowerAction, ProviderError};
use serde_json::json;

use super::error::Failure;
use super::machine::{Machine, target};
use super::resource::ComputerSystem;
use crate::quirks::Quirk;

/// How long a machine may take until it is off, before it is switched on again.
const OFF: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(1);

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
        self.switch(action).await.map_err(self.failed(words))
    }
}

impl Machine {
    async fn switch(&self, wanted: PowerAction) -> Result<(), Failure> {
        let system = self.system().await?.body;
        let state = power_state(&system)?;
        match (wanted, state) {
            (PowerAction::On, PowerState::On) | (PowerAction::Off | PowerAction::Shutdown, PowerState::Off) => Ok(()),
            // A cycle of a machine that is off switches it on.
            (PowerAction::On | PowerAction::Cycle, PowerState::Off) => self.reset(&system, &["On", "ForceOn"]).await,
            (PowerAction::Off, PowerState::On) => self.reset(&system, &["ForceOff"]).await,
            (PowerAction::Shutdown, PowerState::On) => {
                self.reset(&system, &["GracefulShutdown", "PushPowerButton"]).await
            }
            (PowerAction::Cycle, PowerState::On) if self.has(Quirk::CycleByOffAndOn).await? => {
                self.reset(&system, &["ForceOff"]).await?;
                self.wait_until_off().await.map_err(Failure::halfway)?;
                self.reset(&system, &["On", "ForceOn"]).await.map_err(Failure::halfway)
            }
            (PowerAction::Cycle, PowerState::On) => self.reset(&system, &["PowerCycle", "ForceRestart"]).await,
        }
    }

    async fn reset(&self, system: &ComputerSystem, types: &[&str]) -> Result<(), Failure> {
        let action = system.actions.as_ref().and_then(|actions| actions.reset.as_ref());
        let target = target(action, "ComputerSystem.Reset")?;
        let listed = match action {
            Some(action) => self.allowed(action, action.reset_types.0.clone(), "ResetType").await?,
            None => None,
        };
        let reset_type = choose(types, listed.as_deref()).ok_or_else(|| Failure::Lacking {
            what: format!("the system offers none of the resets {}", types.join(", ")),
        })?;
        self.client.post(target, &json!({ "ResetType": reset_type })).await.map(drop)
    }

    async fn wait_until_off(&self) -> Result<(), Failure> {
        let started = tokio::time::Instant::now();
        while power_state(&self.system().await?.body)? != PowerState::Off {
            if started.elapsed() > OFF {
                return Err(Failure::Failed {
                    what: format!("the machine is still on {} s after it was switched off", OFF.as_secs()),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

fn power_state(system: &ComputerSystem) -> Result<PowerState, Failure> {
    match system.power_state.as_deref() {
        // Power that is about to come or to go has not done so yet.
        Some("On" | "PoweringOff" | "Paused") => Ok(PowerState::On),
        Some("Off" | "PoweringOn") => Ok(PowerState::Off),
        Some(other) => Err(Failure::Lacking {
            what: format!("the system's power state is `{other}`, which is neither on nor off"),
        }),
        None => Err(Failure::Lacking { what: "the system does not tell its power state".to_owned() }),
    }
}

/// The first wanted value that the service lists; the first of all where it lists none.
pub(super) fn choose<'a>(wanted: &[&'a str], listed: Option<&[String]>) -> Option<&'a str> {
    let Some(listed) = listed.filter(|listed| !listed.is_empty()) else { return wanted.first().copied() };
    let is_listed = |value: &&&str| listed.iter().any(|other| other == **value);
    // A Supermicro BMC lists `GracefulShutdownGracefulRestart`: the comma between two values got lost.
    let is_run_together =
        |value: &&&str| value.starts_with("Graceful") && listed.iter().any(|other| other.contains(**value));
    wanted.iter().find(is_listed).or_else(|| wanted.iter().find(is_run_together)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reset_that_the_service_lists_is_chosen() {
        let listed = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let types = ["PowerCycle", "ForceRestart"];
        assert_eq!(choose(&types, None), Some("PowerCycle"));
        assert_eq!(choose(&types, Some(&[])), Some("PowerCycle"));
        assert_eq!(choose(&types, Some(&listed(&["On", "ForceRestart"]))), Some("ForceRestart"));
        assert_eq!(choose(&["On"], Some(&listed(&["ForceOn"]))), None);
        let run_together = listed(&["On", "GracefulShutdownGracefulRestart"]);
        assert_eq!(choose(&["GracefulShutdown", "PushPowerButton"], Some(&run_together)), Some("GracefulShutdown"));
    }
}
