//! The settings of a machine's firmware.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::Accepted;

/// The value of a BIOS attribute, typed as the controller's registry types it (Redfish `AttributeRegistry`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BiosValue {
    /// A text or one of an enumeration.
    Text(String),
    /// A whole number.
    Number(i64),
    /// On or off.
    Switch(bool),
}

impl fmt::Display for BiosValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
        }
    }
}

/// BIOS attributes by name.
pub type BiosAttributes = BTreeMap<String, BiosValue>;

/// The settings now, and those that wait for a reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BiosState {
    /// In force.
    pub current: BiosAttributes,
    /// Accepted, and in force after the next reset; only those that differ.
    pub pending: BiosAttributes,
}

/// The firmware settings of one machine.
///
/// # Contract
/// * `set` accepts all of the attributes or none. An attribute that the machine does not have, one that is read-only, and a value that
///   its registry does not allow are [`ErrorKind::Invalid`](dip_core::provider::ErrorKind::Invalid), with the name and what is allowed.
/// * `set` of what is in force or pending already is `Ok` and changes nothing. Other pending changes stay.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Bios: Send + Sync {
    /// The settings.
    async fn state(&self) -> Result<BiosState, ProviderError>;

    /// Asks for these settings, and leaves all others as they are.
    async fn set(&self, wanted: &BiosAttributes) -> Result<Accepted, ProviderError>;
}
