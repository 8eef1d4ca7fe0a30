//! The power of a machine by IPMI (28.2, 28.3).

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::{Power, PowerAction, ProviderError};

use super::machine::Machine;
use crate::ipmi;

#[async_trait]
impl Power for Machine {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        let action = "read the power state";
        let bmc = self.bmc(action).await?;
        Ok(match bmc.power_state().await.map_err(|error| self.failed(action, error))? {
            ipmi::PowerState::On => PowerState::On,
            ipmi::PowerState::Off => PowerState::Off,
        })
    }

    async fn request(&self, wanted: PowerAction) -> Result<(), ProviderError> {
        let (wanted, action) = match wanted {
            PowerAction::On => (ipmi::PowerAction::On, "switch on the machine"),
            PowerAction::Off => (ipmi::PowerAction::Off, "switch off the machine"),
            PowerAction::Shutdown => (ipmi::PowerAction::SoftOff, "ask for the shutdown of the machine"),
            // Power cycle does nothing on a machine that is off (28.3).
            PowerAction::Cycle if self.state().await? == PowerState::Off => {
                (ipmi::PowerAction::On, "switch on the machine")
            }
            PowerAction::Cycle => (ipmi::PowerAction::Cycle, "switch the machine off and on"),
        };
        // `IpmiBmc` sends what must not be done twice only once.
        self.bmc(action).await?.power(wanted).await.map(drop).map_err(|error| self.failed(action, error))
    }
}
