//! Rows of the tables `Port` and `Interface`, from OVSDB's notation (RFC 7047, section 5.1) and Open vSwitch's meaning of them
//! (`ovs-vswitchd.conf.db(5)`).

use dip_core::hardware::{MacAddr, Mtu, VlanId, VlanSet};
use dip_core::id::SiteName;
use dip_core::site::{AdminState, Lacp, NativeFrames};
use serde_json::Value;

use super::answer::AnswerError;
use crate::provider::{PortMode, PortState};

/// The key in `external_ids` under which a site marks a port.
pub(super) const MARK: &str = "dip-site";

/// The key in `external_ids` under which a port's description stands; there is no column for it.
pub(super) const DESCRIPTION: &str = "description";

/// The columns that [`PortRow::read`] reads.
pub(super) const COLUMNS: &[&str] =
    &["_uuid", "name", "tag", "trunks", "vlan_mode", "external_ids", "interfaces", "lacp", "bond_mode", "other_config"];

/// The columns that [`InterfaceRow::read`] reads.
pub(super) const INTERFACE_COLUMNS: &[&str] =
    &["_uuid", "name", "external_ids", "mtu", "mtu_request", "admin_state", "ofport", "other_config"];

/// The keys in `other_config` of a `Port` by which a link aggregation tells LACP whose it is.
pub(super) const SYSTEM_KEYS: [&str; 2] = ["lacp-system-id", "lacp-system-priority"];

/// The keys in `other_config` of an `Interface` by which it tells LACP which link aggregation it belongs to, and its own number.
pub(super) const MEMBER_KEYS: [&str; 2] = ["lacp-aggregation-key", "lacp-port-id"];

/// A row of the table `Port`: a port with one interface, or a link aggregation of several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PortRow {
    /// Its id, in the notation in which the server sent it.
    pub(super) uuid: Value,
    pub(super) name: String,
    /// Its `external_ids`, in the notation in which the server sent them.
    pub(super) external_ids: Value,
    /// The ids of its interfaces.
    pub(super) interfaces: Vec<Value>,
    /// The columns that say its VLANs, as they are.
    pub(super) vlans: Value,
    /// How its members find each other; `None` where that is not said, which Open vSwitch takes for `off`.
    pub(super) lacp: Option<Lacp>,
    /// The system that it tells LACP to be, and its priority; `None` where that is the bridge.
    pub(super) system: Option<(MacAddr, u16)>,
    /// Its VLANs, mark and description.
    pub(super) state: PortState,
}

impl PortRow {
    /// Reads a row.
    pub(super) fn read(row: &Value) -> Result<Self, AnswerError> {
        let uuid = id(row, "id of the port")?;
        let name =
            row.get("name").and_then(Value::as_str).ok_or(AnswerError::Malformed("name of the port"))?.to_owned();
        let ids = ExternalIds::read(row)?;
        let column = |name| row.get(name).and_then(set);
        let tag = column("tag").ok_or(AnswerError::Malformed("tag"))?.first().and_then(|tag| vlan(tag));
        let has_tag = column("tag").is_some_and(|tag| !tag.is_empty());
        let trunks = column("trunks").ok_or(AnswerError::Malformed("trunks"))?;
        let mut tagged: VlanSet = trunks.into_iter().filter_map(vlan).collect();
        let vlan_mode = column("vlan_mode").ok_or(AnswerError::Malformed("VLAN mode"))?;
        let vlan_mode = vlan_mode.first().and_then(|mode| mode.as_str());
        let (mode, vlan) = match vlan_mode {
            Some("access") => (PortMode::Access, tag),
            Some("trunk") => (PortMode::Trunk, None),
            Some("native-tagged" | "native-untagged") => (PortMode::Trunk, tag),
            Some("dot1q-tunnel") => (PortMode::Tunnel, tag),
            Some(_) => return Err(AnswerError::Malformed("VLAN mode that dip knows")),
            None if has_tag => (PortMode::Access, tag),
            None => (PortMode::Trunk, None),
        };
        let native_frames = match vlan_mode {
            Some("native-tagged") => NativeFrames::Tagged,
            _ => NativeFrames::Untagged,
        };
        // A native VLAN is carried whether it is listed or not; a list of it alone must not read as one that carries all.
        if let Some(vlan) = vlan.filter(|_| mode == PortMode::Trunk && tagged.len() > 1) {
            tagged.remove(vlan);
        }
        let vlans =
            ["tag", "trunks", "vlan_mode"].map(|name| (name.to_owned(), row.get(name).cloned().unwrap_or_default()));
        let interfaces = column("interfaces").ok_or(AnswerError::Malformed("interfaces of the port"))?;
        let lacp = column("lacp").ok_or(AnswerError::Malformed("LACP mode"))?;
        let lacp = lacp.first().and_then(|word| word.as_str());
        let [id, priority] = config(row, SYSTEM_KEYS)?;
        let system = id.and_then(|id| id.parse().ok()).zip(priority.and_then(|priority| priority.parse().ok()));
        Ok(Self {
            uuid,
            name,
            external_ids: ids.raw,
            interfaces: interfaces.into_iter().cloned().collect(),
            vlans: Value::Object(vlans.into_iter().collect()),
            lacp: Lacp::ALL.into_iter().find(|known| Some(known.as_str()) == lacp),
            system,
            state: PortState {
                mode,
                vlan,
                native_frames,
                tagged,
                description: ids.description,
                owner: ids.owner,
                ..PortState::default()
            },
        })
    }
}

/// A row of the table `Interface`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InterfaceRow {
    /// Its id, in the notation in which the server sent it.
    pub(super) uuid: Value,
    /// Its `external_ids`, in the notation in which the server sent them.
    pub(super) external_ids: Value,
    pub(super) owner: Option<SiteName>,
    pub(super) description: Option<String>,
    /// What it does now, not what was asked of it.
    pub(super) mtu: Option<Mtu>,
    pub(super) admin: Option<AdminState>,
    /// The switch's own number for it; `None` where it has none yet, or could not have one.
    pub(super) number: Option<u16>,
    /// The link aggregation that it tells LACP to belong to.
    pub(super) key: Option<u16>,
    /// The number that it tells LACP.
    pub(super) port_id: Option<u16>,
}

impl InterfaceRow {
    /// Reads a row.
    pub(super) fn read(row: &Value) -> Result<Self, AnswerError> {
        let ids = ExternalIds::read(row)?;
        let first = |name| row.get(name).and_then(set).and_then(|atoms| atoms.first().copied());
        let mtu = first("mtu").and_then(Value::as_u64).and_then(|bytes| u16::try_from(bytes).ok());
        let admin = match first("admin_state").and_then(Value::as_str) {
            Some("up") => Some(AdminState::Up),
            Some("down") => Some(AdminState::Down),
            _ => None,
        };
        let [key, port_id] = config(row, MEMBER_KEYS)?.map(|number| number.and_then(|number| number.parse().ok()));
        Ok(Self {
            uuid: id(row, "id of the interface")?,
            external_ids: ids.raw,
            owner: ids.owner,
            description: ids.description,
            mtu: mtu.and_then(|bytes| Mtu::try_from(bytes).ok()),
            admin,
            number: first("ofport").and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok()),
            key,
            port_id,
        })
    }
}

/// What stands in a row's `other_config` under some keys.
fn config<const N: usize>(row: &Value, keys: [&str; N]) -> Result<[Option<String>; N], AnswerError> {
    let all = row.get("other_config").and_then(map).ok_or(AnswerError::Malformed("other configuration"))?;
    Ok(keys.map(|key| all.iter().find(|(name, _)| *name == key).map(|(_, text)| (*text).to_owned())))
}

struct ExternalIds {
    raw: Value,
    owner: Option<SiteName>,
    description: Option<String>,
}

impl ExternalIds {
    fn read(row: &Value) -> Result<Self, AnswerError> {
        let raw = row.get("external_ids").ok_or(AnswerError::Malformed("external ids"))?.clone();
        let ids = map(&raw).ok_or(AnswerError::Malformed("map of external ids"))?;
        let of = |key: &str| ids.iter().find(|(name, _)| *name == key).map(|(_, text)| (*text).to_owned());
        let description = of(DESCRIPTION);
        // A mark that is no site's name was not set by dip, and is nobody's.
        let owner = of(MARK).and_then(|site| SiteName::new(&site).ok());
        Ok(Self { raw, owner, description })
    }
}

fn id(row: &Value, what: &'static str) -> Result<Value, AnswerError> {
    row.get("_uuid").filter(|uuid| is_uuid(uuid)).cloned().ok_or(AnswerError::Malformed(what))
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
            "name": "p1", "interfaces": ["uuid", "c4d2"], "lacp": ["set", []], "other_config": ["map", []],
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
        assert_eq!((all.mode, all.vlan, all.tagged.len()), (PortMode::Trunk, None, 0));
        let native = row(json!(1), json!(["set", [5, 6]]), json!("native-untagged"));
        assert_eq!((native.mode, native.vlan, native.tagged.len()), (PortMode::Trunk, vlan(1), 2));
        let trunk = row(json!(1), json!(7), json!("trunk"));
        assert_eq!((trunk.mode, trunk.vlan, trunk.tagged), (PortMode::Trunk, None, VlanSet::from_iter(vlan(7))));
        let listed = row(json!(1), json!(["set", [1, 5]]), json!("native-tagged"));
        assert_eq!((listed.native_frames, listed.tagged), (NativeFrames::Tagged, VlanSet::from_iter(vlan(5))));
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
                prop::collection::vec(inner, COLUMNS.len()).prop_map(|values| {
                    Value::Object(COLUMNS.iter().map(|name| (*name).to_owned()).zip(values).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(row in any_json()) {
            let _ = (PortRow::read(&row), InterfaceRow::read(&row), uuids(&row));
        }
    }
}
