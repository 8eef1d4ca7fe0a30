//! `secure_boot`: whether only what is signed starts.

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
