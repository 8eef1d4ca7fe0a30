//! The light of a machine by IPMI (28.5).

use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::ipmi::{CompletionCode, Identify, IpmiError};
use crate::provider::{IdentifyLight, Light};

/// The longest that the command of IPMI 1.5 can say.
const LONGEST: Duration = Duration::from_secs(255);

#[async_trait]
impl IdentifyLight for Machine {
    async fn state(&self) -> Result<Option<Light>, ProviderError> {
        let action = "ask for the light of the machine";
        let status = self.bmc(action).await?.chassis_status().await.map_err(|error| self.failed(action, error))?;
        Ok(status.identify.map(|is_on| if is_on { Light::On } else { Light::Off }))
    }

    async fn set(&self, light: Light) -> Result<(), ProviderError> {
        let (wanted, action) = match light {
            Light::On => (Identify::Always, "switch on the light of the machine"),
            Light::Off => (Identify::Off, "switch off the light of the machine"),
        };
        let bmc = self.bmc(action).await?;
        let set = match bmc.identify(wanted).await {
            // The second byte, "until it is switched off", came with IPMI 2.0 and is optional.
            Err(IpmiError::Completion { code, .. })
                if light == Light::On
                    && matches!(code, CompletionCode::REQUEST_LENGTH_INVALID | CompletionCode::INVALID_FIELD) =>
            {
                bmc.identify(Identify::For(LONGEST)).await
            }
            other => other,
        };
        set.map_err(|error| self.failed(action, error))
    }
}
