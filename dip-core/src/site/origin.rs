//! Where a value of the site comes from.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::ProfileName;

/// The place in a site file that a value comes from, and the profile that brought it, where one did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The file, as it was named to dip.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The profile through which a node inherits the value.
    pub profile: Option<ProfileName>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)?;
        match &self.profile {
            Some(profile) => write!(f, " (profile `{profile}`)"),
            None => Ok(()),
        }
    }
}
