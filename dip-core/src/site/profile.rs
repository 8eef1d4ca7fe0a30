//! A profile, by its name: what it says is merged into the nodes that have it.

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::id::ProfileName;

/// A profile that nodes inherit settings from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// The profiles that it inherits from itself, the stronger one first.
    pub inherits: Vec<ProfileName>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}
