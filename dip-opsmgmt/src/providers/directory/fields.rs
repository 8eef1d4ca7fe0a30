//! dip's fields as they stand in a file under the key `dip`.

use serde_json::{Map, Value};

pub(super) use crate::providers::marked::{marked, of, owner};
use crate::settings::FileFormat;

/// The key that dip's fields stand under.
pub(super) const KEY: &str = "dip";

/// The text of the key with its fields, for the end of an object or for a file of its own; every line but the first starts with
/// `indent` spaces. JSON within YAML is YAML.
pub(super) fn entry(fields: &Value, format: FileFormat, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match format {
        FileFormat::Json => {
            let text = serde_json::to_string_pretty(fields).expect("values serialise to JSON");
            format!("\"{KEY}\": {}", text.replace('\n', &format!("\n{margin}")))
        }
        FileFormat::Yaml => {
            let none = Map::new();
            let fields = fields.as_object().unwrap_or(&none);
            let lines = fields.iter().map(|(name, value)| format!("\n{margin}  {name}: {value}"));
            format!("{KEY}:{}", lines.collect::<String>())
        }
    }
}
