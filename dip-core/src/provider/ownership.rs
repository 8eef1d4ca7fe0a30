//! Whose a record in somebody's server is, and by what right it may be changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::SiteName;

/// Who holds a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// It carries no site's mark: somebody wrote it by hand, or with another program.
    Nobody,
    /// It carries the mark of this site.
    Site(SiteName),
}

impl Holder {
    /// The site whose mark it is.
    #[must_use]
    pub const fn site(&self) -> Option<&SiteName> {
        match self {
            Self::Nobody => None,
            Self::Site(site) => Some(site),
        }
    }
}

impl From<Option<SiteName>> for Holder {
    fn from(owner: Option<SiteName>) -> Self {
        owner.map_or(Self::Nobody, Self::Site)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody's mark"),
            Self::Site(site) => write!(f, "the mark of site `{site}`"),
        }
    }
}

/// By what right an operation writes a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// It makes the record, or the record is the site's own already.
    #[default]
    Own,
    /// A reviewed claim lets it take the record over from whoever held it then, and from nobody else.
    Claimed(Holder),
}

impl Ownership {
    /// Whether there is no claim.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Whether a record with this holder may be taken over.
    #[must_use]
    pub fn covers(&self, holder: &Holder) -> bool {
        matches!(self, Self::Claimed(claimed) if claimed == holder)
    }
}
