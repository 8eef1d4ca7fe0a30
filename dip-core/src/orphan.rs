//! What a site left in other people's servers: records of nodes that its file no longer names, and who holds a record.

use serde::{Deserialize, Serialize};

use crate::provider::Holder;

/// A record that carries the site's mark and that nothing in the site file asks for. It is left alone: a line that got lost
/// in a file must not take a running node out of DNS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Orphan {
    /// The node that it is of, as far as its record tells, else the record's own name.
    pub of: String,
    /// The service that holds it.
    pub service: String,
    /// What it is: "name r1-n9.lab.example", "reservation of 52:54:00:00:00:09".
    pub what: String,
}

/// A service that could not be asked for orphans, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// The service.
    pub service: String,
    /// Why, as a sentence fragment.
    pub why: String,
}

/// What was found of the records that carry a site's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// The orphans, by node.
    pub orphans: Vec<Orphan>,
    /// The services that could not be asked.
    pub unlisted: Vec<Unlisted>,
}

impl Leftovers {
    /// Adds what another layer found.
    pub fn extend(&mut self, other: Self) {
        self.orphans.extend(other.orphans);
        self.unlisted.extend(other.unlisted);
    }

    /// Whether nothing is left, and everybody could be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orphans.is_empty() && self.unlisted.is_empty()
    }
}

/// A record that a step would write, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// Who holds it.
    pub holder: Holder,
    /// What it says.
    pub says: serde_json::Value,
}
