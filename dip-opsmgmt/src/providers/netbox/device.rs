//! A device as the API tells it, with dip's fields in it.

use dip_core::id::SiteName;
use serde_json::{Map, Value, json};

use super::native::Over;
use crate::provider::NodeRecord;
use crate::providers::marked;

/// Under this key dip keeps what it found in the device's own fields, so that it can be put back.
const FOUND: &str = "found";

/// A device.
#[derive(Debug, Clone)]
pub(super) struct Device(pub(super) Value);

impl Device {
    /// Its path below the API.
    pub(super) fn path(&self) -> String {
        format!("dcim/devices/{}/", self.id())
    }

    /// Its id: a number of NetBox, a UUID of Nautobot.
    pub(super) fn id(&self) -> String {
        match self.0.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => String::new(),
        }
    }

    /// Its serial number; empty where it has none.
    pub(super) fn serial(&self) -> &str {
        self.0.get("serial").and_then(Value::as_str).unwrap_or_default()
    }

    /// dip's fields, where it has any.
    pub(super) fn dip(&self, field: &str) -> Option<&Value> {
        self.0.get("custom_fields")?.get(field).filter(|dip| !dip.is_null())
    }

    /// Whether dip wrote its serial number.
    pub(super) fn holds_serial(&self, field: &str) -> bool {
        self.dip(field).is_some_and(|dip| dip.get(FOUND).is_some())
    }

    /// Whether nobody has written anything into it beside dip, as far as it tells itself.
    pub(super) fn is_dips_alone(&self, field: &str) -> bool {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        let others = self.0.get("custom_fields").and_then(Value::as_object).into_iter().flatten();
        let made = self.dip(field).and_then(|dip| dip.get(FOUND)).is_some_and(|found| found == "no device");
        let own = ["comments", "description", "tags", "asset_tag", "rack", "position", "primary_ip4", "primary_ip6"];
        made && others.into_iter().all(|(name, value)| name == field || empty(value))
            && own.iter().all(|key| self.0.get(*key).is_none_or(empty))
    }
}

/// What dip wrote of a device, to be made or changed.
pub(super) struct Wanted<'a> {
    pub(super) record: &'a NodeRecord,
    pub(super) owner: &'a SiteName,
    pub(super) field: &'a str,
    pub(super) status: Option<Value>,
    pub(super) over: &'a Over,
}

impl Wanted<'_> {
    /// What a device that dip makes has beside its place and its kind.
    pub(super) fn made(&self) -> Map<String, Value> {
        let mut body = self.body(Value::String("no device".to_owned()));
        body.insert("name".to_owned(), json!(self.record.node));
        body
    }

    /// What is to be changed of a device; empty where it says all of it.
    pub(super) fn changes(&self, device: &Device) -> Map<String, Value> {
        let before = device.dip(self.field).and_then(|dip| dip.get(FOUND)).cloned();
        let found = before.unwrap_or_else(|| json!({"serial": device.serial()}));
        let mut body = self.body(found);
        let same_serial = body.get("serial").is_none_or(|serial| serial == device.serial());
        let same_fields = body.get("custom_fields").and_then(|fields| fields.get(self.field)) == device.dip(self.field);
        if same_serial {
            body.remove("serial");
        }
        if same_fields {
            body.remove("custom_fields");
            if same_serial {
                // The status is set with the record, and is a person's to change later: `offline`, `failed`.
                body.clear();
            }
        }
        body
    }

    fn body(&self, found: Value) -> Map<String, Value> {
        let mut dip = marked::of(self.record, self.owner);
        if let Value::Object(dip) = &mut dip {
            dip.insert(FOUND.to_owned(), found);
        }
        self.over.keep(&mut dip);
        let mut body = Map::new();
        body.insert("custom_fields".to_owned(), json!({ self.field: dip }));
        body.extend(self.record.identity.serial.as_ref().map(|serial| ("serial".to_owned(), json!(serial))));
        body.extend(self.status.clone().map(|status| ("status".to_owned(), status)));
        body
    }
}

/// What takes dip's fields out of a device again: what dip wrote over is put back, unless somebody changed it since.
pub(super) fn without(device: &Device, field: &str, record: &NodeRecord) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("custom_fields".to_owned(), json!({ field: null }));
    let before = device.dip(field).and_then(|dip| dip.get(FOUND)?.get("serial").cloned());
    if let Some(before) = before
        && record.identity.serial.as_deref() == Some(device.serial())
    {
        body.insert("serial".to_owned(), before);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::Identity;
    use dip_core::id::NodeName;

    fn record(serial: &str) -> NodeRecord {
        NodeRecord {
            node: NodeName::new("n1").expect("a name"),
            host_name: "n1.lab.test".to_owned(),
            addresses: Vec::new(),
            rack: None,
            identity: Identity { serial: Some(serial.to_owned()), ..Identity::default() },
            nics: Vec::new(),
        }
    }

    fn with(device: &Device, changes: Map<String, Value>) -> Device {
        let mut body = device.0.clone();
        for (key, value) in changes {
            body[key] = value;
        }
        Device(body)
    }

    #[test]
    fn what_was_written_over_is_put_back_unless_somebody_changed_it() {
        let owner = SiteName::new("lab").expect("a name");
        let person = Device(json!({"id": 7, "serial": "typed", "custom_fields": {"dip": null, "owner": "me"}}));
        let over = Over::default();
        let wanted = |record| Wanted { record, owner: &owner, field: "dip", status: None, over: &over };
        let record = record("007");
        let ours = with(&person, wanted(&record).changes(&person));
        assert_eq!(ours.serial(), "007");
        assert!(wanted(&record).changes(&ours).is_empty(), "twice is once");
        assert_eq!(without(&ours, "dip", &record)["serial"], "typed");
        let changed = with(&ours, [("serial".to_owned(), json!("008"))].into_iter().collect());
        assert_eq!(without(&changed, "dip", &record).get("serial"), None);
        assert!(!ours.is_dips_alone("dip"));
    }

    #[test]
    fn a_device_that_dip_made_is_dips_alone_until_somebody_writes_into_it() {
        let owner = SiteName::new("lab").expect("a name");
        let record = record("007");
        let over = Over::default();
        let made = Wanted { record: &record, owner: &owner, field: "dip", status: None, over: &over }.made();
        let device = Device(Value::Object(made));
        assert!(device.is_dips_alone("dip"));
        let commented = with(&device, [("comments".to_owned(), json!("mine"))].into_iter().collect());
        assert!(!commented.is_dips_alone("dip"));
    }
}
