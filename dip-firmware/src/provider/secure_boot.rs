//! Whether the firmware starts only what is signed.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// UEFI Secure Boot (Redfish `SecureBoot`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecureBootState {
    /// Whether it is in force for the boot that runs.
    pub enforced: bool,
    /// Whether it will be for the next one.
    pub enabled: bool,
}

/// Secure Boot of one machine.
///
/// # Contract
/// A change is in force after the next reset.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SecureBoot: Send + Sync {
    /// How it is.
    async fn state(&self) -> Result<SecureBootState, ProviderError>;

    /// Turns it on for the next boot.
    async fn enable(&self) -> Result<(), ProviderError>;

    /// Turns it off for the next boot.
    async fn disable(&self) -> Result<(), ProviderError>;
}
