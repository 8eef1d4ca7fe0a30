//! The settings of a machine's firmware.

use serde_json::{Map, Value};

use super::{Maybe, Settings};

resource! {
    /// The settings in force, or those that wait for a reset (`Bios`).
    Bios {
        attribute_registry: Maybe<String>,
        attributes: Maybe<Map<String, Value>>,
        #[serde(rename = "@Redfish.Settings")]
        settings: Maybe<Settings>,
    }
}
