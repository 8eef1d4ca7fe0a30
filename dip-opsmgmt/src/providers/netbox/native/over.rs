//! What dip wrote over in things of others, as it was before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Under this key of dip's field it stands.
const OVER: &str = "over";

/// What was there before dip wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in super::super) struct Over {
    /// The MAC addresses of interfaces, by their ids; empty where there was none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) macs: BTreeMap<String, String>,
    /// The ids of addresses that were on no interface of the node.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) assigned: BTreeSet<String>,
    /// The ids of the device's primary addresses, by their fields; null where there was none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) primary: BTreeMap<String, Value>,
}

impl Over {
    /// What dip's field of a device tells.
    pub(in super::super) fn of(dip: Option<&Value>) -> Self {
        // What a person broke is not put back; all else goes on.
        dip.and_then(|dip| Self::deserialize(dip.get(OVER)?).ok()).unwrap_or_default()
    }

    /// Writes it into dip's field.
    pub(in super::super) fn keep(&self, dip: &mut Value) {
        let empty = *self == Self::default();
        if let (Value::Object(dip), false) = (dip, empty) {
            dip.insert(OVER.to_owned(), serde_json::to_value(self).expect("texts serialise to JSON"));
        }
    }
}
