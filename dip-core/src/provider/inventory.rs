//! What a CMDB says of a site: where the site model and those who read CMDBs meet.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ProviderError;

/// A network, rack or node that a site may take from a CMDB, in the words of a site file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    /// Where it belongs in a site file.
    pub section: StockSection,
    /// Its name.
    pub name: String,
    /// The record that says so, as faults tell it: "nautobot device r1-n3".
    pub record: String,
    /// What it says, by the keys of a site file: `rack`, `serial`, `nics`.
    pub says: Map<String, Value>,
    /// What the record says that has no place in a site file or cannot be read, in sentences.
    pub left_out: Vec<String>,
}

/// The sections of a site file that may be taken from a CMDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StockSection {
    /// The networks.
    Networks,
    /// The racks.
    Racks,
    /// The nodes.
    Nodes,
}

impl StockSection {
    /// Its key in a site file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Racks => "racks",
            Self::Nodes => "nodes",
        }
    }
}

/// What a CMDB says of the machines of a site.
///
/// # Contract
/// * The answer is whole: a list that was cut off, or that moved while it was read, is an error and never a shorter answer.
/// * Items come in the order of their sections and names, and the same content gives the same items.
/// * Nothing is changed.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Inventory: Send + Sync {
    /// All networks, racks and nodes of the site.
    async fn stock(&self) -> Result<Vec<StockItem>, ProviderError>;
}
