//! The light by which somebody in front of the rack finds a machine.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// Whether the light shows the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// It shines or blinks.
    On,
    /// It is dark.
    Off,
}

/// The light of one machine (IPMI 2.0, 28.5; Redfish `LocationIndicatorActive`).
///
/// # Contract
/// A light that is on stays on until it is turned off, or for as long as the controller can at least: 255 s by plain IPMI 1.5.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdentifyLight: Send + Sync {
    /// Whether it shines; `None` where the controller does not tell.
    async fn state(&self) -> Result<Option<Light>, ProviderError>;

    /// Turns it on or off.
    async fn set(&self, light: Light) -> Result<(), ProviderError>;
}
