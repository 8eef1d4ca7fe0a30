//! dip's fields of a node's record as one value, with the mark of the site that owns them.

use dip_core::id::SiteName;
use dip_core::provider::Holder;
use serde_json::Value;

use crate::provider::NodeRecord;

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
