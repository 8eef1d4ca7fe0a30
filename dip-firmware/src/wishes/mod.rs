//! What a site file may want of a node's firmware, as types and as the shape that it is checked against.

mod update;
mod volume;

pub use update::{Downgrade, TakesEffect, UpdateWish};
pub(crate) use update::{faults as update_faults, fields as update_fields};
pub use volume::{DiskSelector, InTheWay, Level, Pick, Role, VolumeWish};
pub(crate) use volume::{faults as volume_faults, fields as volume_fields};

use serde::{Deserialize, Serialize};

/// How Secure Boot is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureBootWish {
    /// Only what is signed starts.
    Enabled,
    /// Anything starts.
    Disabled,
}

impl SecureBootWish {
    pub(crate) const fn is_enabled(self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// Something in the settings of a node that its shape cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WishFault {
    /// The path of the setting: `firmware.volumes`.
    pub(crate) path: String,
    /// What is wrong, and what to do about it.
    pub(crate) text: String,
}
