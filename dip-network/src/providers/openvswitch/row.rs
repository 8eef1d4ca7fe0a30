//! A row of the table `Port`, from OVSDB's notation (RFC 7047, section 5.1) and Open vSwitch's meaning of it
//! (`ovs-vswitchd.conf.db(5)`, "VLAN configuration").

use dip_core::hardware::VlanId;
use dip_core::id::SiteName;
use serde_json::Value;

use super::answer::AnswerError;
use crate::provider::{PortMode, PortState};

/// The key in `external_ids` under which a site marks a port.
pub(super) const MARK: &str = "dip-site";

/// The columns that [`PortRow::read`] reads.
pub(super) const COLUMNS: &[&str] = &["_uuid", "tag", "trunks", "vlan_mode", "external_ids"];

/// A port with what is needed to change it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PortRow {
    /// Its id, in the notation in which the server sent it.
    pub(super) uuid: Value,
    /// Its `external_ids`, in the notation in which the server sent them.
    pub(super) external_ids: Value,
    pub(super) state: PortState,
}

impl PortRow {
    /// Reads a row.
    pub(super) fn read(row: &Value) -> Result<Self, AnswerError> {
        let uuid =
            row.get("_uuid").filter(|uuid| is_uuid(uuid)).ok_or(AnswerError::Malformed("id of the port"))?.clone();
        let external_ids = row.get("external_ids").ok_or(AnswerError::Malformed("external ids"))?.clone();
        let mark = map(&external_ids).ok_or(AnswerError::Malformed("map of external ids"))?;
        let mark = mark.into_iter().find(|(key, _)| *key == MARK).map(|(_, site)| site);
        // A mark that is no site's name was not set by dip, and is nobody's.
        let owner = mark.and_then(|site| SiteName::new(site).ok());
        let column = |name| row.get(name).and_then(set);
        let tag = column("tag").ok_or(AnswerError::Malformed("tag"))?.first().and_then(|tag| vlan(tag));
        let has_tag = column("tag").is_some_and(|tag| !tag.is_empty());
        let trunks = column("trunks").ok_or(AnswerError::Malformed("trunks"))?;
        let trunks = trunks.into_iter().filter_map(vlan).collect();
        let mode = column("vlan_mode").ok_or(AnswerError::Malformed("VLAN mode"))?;
        let (mode, vlan) = match mode.first().and_then(|mode| mode.as_str()) {
            Some("access") => (PortMode::Access, tag),
            Some("trunk") => (PortMode::Trunk, None),
            Some("native-tagged" | "native-untagged") => (PortMode::Trunk, tag),
            Some("dot1q-tunnel") => (PortMode::Tunnel, tag),
            Some(_) => return Err(AnswerError::Malformed("VLAN mode that dip knows")),
            None if has_tag => (PortMode::Access, tag),
            None => (PortMode::Trunk, None),
        };
        Ok(Self { uuid, external_ids, state: PortState { mode, vlan, trunks, owner } })
    }
}

/// The ids in a bridge's column `ports`.
pub(super) fn uuids(bridge: &Value) -> Option<Vec<&Value>> {
    bridge.get("ports").and_then(set)
}

fn is_uuid(value: &Value) -> bool {
    matches!(value.as_array().map(Vec::as_slice), Some([kind, Value::String(_)]) if kind == "uuid")
}

fn vlan(value: &Value) -> Option<VlanId> {
    VlanId::try_from(u16::try_from(value.as_u64()?).ok()?).ok()
}

/// A set: `["set", [...]]`, or a bare atom for a set of one. An id is an atom too: `["uuid", "..."]`.
fn set(value: &Value) -> Option<Vec<&Value>> {
    match value.as_array().map(Vec::as_slice) {
        Some([kind, Value::Array(atoms)]) if kind == "set" => Some(atoms.iter().collect()),
        Some(_) if is_uuid(value) => Some(vec![value]),
        Some(_) => None,
        None if value.is_object() || value.is_null() => None,
        None => Some(vec![value]),
    }
}

/// A map of texts: `["map", [[key, value], ...]]`.
fn map(value: &Value) -> Option<Vec<(&str, &str)>> {
    match value.as_array().map(Vec::as_slice) {
        Some([kind, Value::Array(pairs)]) if kind == "map" => pairs
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(key), Value::String(value)]) => Some((key.as_str(), value.as_str())),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn row(tag: Value, trunks: Value, vlan_mode: Value) -> PortState {
        let row = json!({
            "_uuid": ["uuid", "b3c1"], "tag": tag, "trunks": trunks, "vlan_mode": vlan_mode,
            "external_ids": ["map", [["dip-site", "lab"], ["other", "x"]]],
        });
        PortRow::read(&row).expect("a sound row").state
    }

    fn none() -> Value {
        json!(["set", []])
    }

    #[test]
    fn every_way_to_configure_a_port_is_understood() {
        let vlan = |number: u16| VlanId::try_from(number).ok();
        let access = row(json!(20), none(), none());
        assert_eq!((access.mode, access.vlan), (PortMode::Access, vlan(20)));
        assert_eq!(access.owner.as_ref().map(SiteName::as_str), Some("lab"));
        let all = row(none(), none(), none());
        assert_eq!((all.mode, all.vlan, all.trunks.len()), (PortMode::Trunk, None, 0));
        let native = row(json!(1), json!(["set", [5, 6]]), json!("native-untagged"));
        assert_eq!((native.mode, native.vlan, native.trunks.len()), (PortMode::Trunk, vlan(1), 2));
        let trunk = row(json!(1), json!(7), json!("trunk"));
        assert_eq!((trunk.mode, trunk.vlan, trunk.trunks), (PortMode::Trunk, None, vec![vlan(7).expect("a VLAN id")]));
        // Tag 0 is no VLAN, but it makes an access port all the same.
        let untagged = row(json!(0), none(), none());
        assert_eq!((untagged.mode, untagged.vlan), (PortMode::Access, None));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop_oneof![Just("set"), Just("map"), Just("uuid"), Just("access"), Just("dip-site")].prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(inner, 5).prop_map(|values| {
                    Value::Object(COLUMNS.iter().map(|name| (*name).to_owned()).zip(values).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(row in any_json()) {
            let _ = (PortRow::read(&row), uuids(&row));
        }
    }
}
