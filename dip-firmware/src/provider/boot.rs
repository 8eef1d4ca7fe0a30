//! From what a machine boots next.

use std::fmt;

use async_trait::async_trait;
use dip_core::hardware::BootDevice;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// For how many boots an override holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// For the next boot.
    #[default]
    Once,
    /// Until it is changed.
    Always,
}

impl fmt::Display for Persistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Once => "once",
            Self::Always => "always",
        })
    }
}

/// The kind of firmware interface that a machine boots by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootMode {
    /// UEFI.
    #[default]
    Uefi,
    /// PC-compatible BIOS, "legacy".
    Bios,
}

impl fmt::Display for BootMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Uefi => "uefi",
            Self::Bios => "bios",
        })
    }
}

/// A wanted override of the firmware's boot order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootOverride {
    /// From what to boot; [`BootDevice::Default`] ends an override.
    pub device: BootDevice,
    /// For how many boots.
    pub persistence: Persistence,
    /// By which firmware interface.
    pub mode: BootMode,
}

impl BootOverride {
    /// Boot from `device` at the next boot, by UEFI.
    #[must_use]
    pub const fn once(device: BootDevice) -> Self {
        Self { device, persistence: Persistence::Once, mode: BootMode::Uefi }
    }

    /// Boot from `device` until that is changed, by UEFI.
    #[must_use]
    pub const fn always(device: BootDevice) -> Self {
        Self { device, persistence: Persistence::Always, mode: BootMode::Uefi }
    }
}

/// The override that is in force, as the controller tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootState {
    /// From what the machine boots next; [`BootDevice::Default`] where no override is set.
    /// `None` where it is a device that dip has no word for.
    pub device: Option<BootDevice>,
    /// For how many boots; `None` where the controller does not tell, or forgets it, as some do.
    pub persistence: Option<Persistence>,
    /// By which firmware interface; `None` as for the persistence.
    pub mode: Option<BootMode>,
}

impl BootState {
    /// Whether the override in force is the wanted one, as far as the controller tells.
    #[must_use]
    pub fn agrees_with(&self, wanted: &BootOverride) -> bool {
        self.device == Some(wanted.device)
            // Without an override there is nothing that could persist.
            && (wanted.device == BootDevice::Default
                || (self.persistence.is_none_or(|persistence| persistence == wanted.persistence)
                    && self.mode.is_none_or(|mode| mode == wanted.mode)))
    }
}

/// The boot device of one machine.
///
/// # Contract
/// * `set_boot_override` twice is once, and a `boot_override` called right after sees the device. Persistence and mode are seen
///   too, or are `None`; they are never told wrong.
/// * [`BootDevice::Default`] ends an override; ending one where there is none is `Ok(())`.
/// * It changes what the *next* boot does and never starts, stops or resets the machine.
/// * A cancelled `set_boot_override` leaves the override as before or as wanted.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Boot: Send + Sync {
    /// The override in force.
    async fn boot_override(&self) -> Result<BootState, ProviderError>;

    /// Sets or ends the override.
    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError>;
}
