//! dip's fields as they stand in a file under the key `dip`.

use dip_core::id::SiteName;
use dip_core::provider::Holder;
use serde_json::{Map, Value};

use crate::provider::NodeRecord;
use crate::settings::FileFormat;

/// The key that dip's fields stand under.
pub(super) const KEY: &str = "dip";

/// The field that marks them with their owner.
const SITE: &str = "site";

/// The fields of a record, the owner's mark among them.
pub(super) fn of(record: &NodeRecord, owner: &SiteName) -> Value {
    let mut fields = serde_json::to_value(record).expect("records serialise to JSON");
    if let Value::Object(fields) = &mut fields {
        fields.insert(SITE.to_owned(), Value::String(owner.to_string()));
    }
    fields
}

/// The owner whose mark the fields carry.
pub(super) fn owner(fields: &Value) -> Option<SiteName> {
    SiteName::new(fields.get(SITE)?.as_str()?).ok()
}

/// The same fields with another mark, or none.
pub(super) fn marked(fields: &Value, holder: &Holder) -> Value {
    let mut fields = fields.clone();
    if let Value::Object(fields) = &mut fields {
        match holder {
            Holder::Nobody => drop(fields.remove(SITE)),
            Holder::Site(site) => drop(fields.insert(SITE.to_owned(), Value::String(site.to_string()))),
        }
    }
    fields
}

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
