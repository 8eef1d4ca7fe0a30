//! What a link aggregation tells LACP where it is one half of an MLAG pair's, and how it stops.
//!
//! A partner puts links together that tell it the same system and the same key; Open vSwitch takes both, and the numbers of the
//! ports, from `other_config` (`ovs-vswitchd.conf.db(5)`). What else stands there is left alone.

use dip_core::site::Lag;
use serde_json::{Value, json};

use super::change::mutate;
use super::row::{InterfaceRow, MEMBER_KEYS, PortRow, SYSTEM_KEYS};
use crate::provider::MlagPair;

/// Whether a link aggregation tells that it is the pair's.
pub(super) fn is_of(pair: &MlagPair, row: &PortRow) -> bool {
    row.system == Some((pair.system(), MlagPair::SYSTEM_PRIORITY))
}

/// Whether a member tells all that makes it one of the pair's.
pub(super) fn is_member(pair: &MlagPair, row: &PortRow, own: &InterfaceRow) -> bool {
    let number = own.number.and_then(|number| pair.port(number));
    is_of(pair, row) && own.key == Some(MlagPair::key(&row.name)) && own.port_id.is_some() && own.port_id == number
}

/// Makes a link aggregation one half of the pair's. `members` are the ids of all its interfaces: with different keys they would
/// not even find each other.
pub(super) fn pair(pair: &MlagPair, lag: &Lag, row: &Value, members: &[&Value], own: &[InterfaceRow]) -> Vec<Value> {
    let [id, priority] = SYSTEM_KEYS;
    let [aggregation, port] = MEMBER_KEYS;
    let system = [(id, pair.system().to_string()), (priority, MlagPair::SYSTEM_PRIORITY.to_string())];
    let mut made = vec![mutate("Port", row, set(&system))];
    let of_all = [(aggregation, MlagPair::key(&lag.name).to_string())];
    made.extend(members.iter().map(|member| mutate("Interface", member, set(&of_all))));
    for own in own {
        let number = own.number.and_then(|number| pair.port(number));
        made.extend(number.map(|number| mutate("Interface", &own.uuid, set(&[(port, number.to_string())]))));
    }
    made
}

/// A link aggregation is the switch's own again.
pub(super) fn part(row: &PortRow) -> Vec<Value> {
    let members = row.interfaces.iter().map(leave);
    std::iter::once(mutate("Port", &row.uuid, vec![clear(&SYSTEM_KEYS)])).chain(members).collect()
}

/// An interface is no member of the pair's any more.
pub(super) fn leave(interface: &Value) -> Value {
    mutate("Interface", interface, vec![clear(&MEMBER_KEYS)])
}

fn set(pairs: &[(&str, String)]) -> Vec<Value> {
    // Of a key that is there `insert` keeps the former value, so it goes first.
    let keys: Vec<&str> = pairs.iter().map(|(key, _)| *key).collect();
    vec![clear(&keys), json!(["other_config", "insert", ["map", pairs]])]
}

fn clear(keys: &[&str]) -> Value {
    json!(["other_config", "delete", ["set", keys]])
}
