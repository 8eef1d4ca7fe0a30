//! The answers of SNMP agents, and the maps of site files.

use async_snmp::message::Message;
use async_snmp::{DecodeConfig, Value};

use crate::pdu_settings::MibMap;
use crate::providers::snmp::{map, reading};

/// An answer of an agent, read as everything that an answer may be read as; else the map of a site file.
pub(super) fn snmp(bytes: &[u8]) {
    if let Ok(map) = serde_json::from_slice::<MibMap>(bytes) {
        map::Map::new(&map, None).map(|map| map.at(&map.state.object, u16::MAX)).ok();
    }
    let Ok(decoded) = Message::decode(bytes.to_vec().into(), DecodeConfig::default()) else { return };
    let Some(pdu) = decoded.value.into_pdu() else { return };
    for binding in pdu.varbinds() {
        read(&binding.value);
    }
}

fn read(value: &Value) {
    for map in map::built_in() {
        reading::state(&map.state, value).ok();
    }
    reading::name(value).ok();
    let milli = reading::of_digits(value).unwrap_or(u64::MAX);
    reading::thousandths(value, milli);
    if let Some(object_id) = value.as_oid() {
        map::recognised(object_id);
    }
}
