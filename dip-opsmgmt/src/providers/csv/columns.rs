//! dip's own columns, and a node's record in them.

use dip_core::hardware::Identity;
use dip_core::id::{NodeName, RackName, SiteName};

use crate::provider::NodeRecord;

/// Whose the row's columns of dip are.
pub(super) const SITE: &str = "dip_site";

/// The columns that dip writes, the mark first.
pub(super) const OWN: [&str; 9] = [
    SITE,
    "dip_host_name",
    "dip_addresses",
    "dip_rack",
    "dip_manufacturer",
    "dip_model",
    "dip_serial",
    "dip_uuid",
    "dip_board_serial",
];

/// The texts of a record in dip's columns, without the mark.
pub(super) fn texts(record: &NodeRecord) -> [String; 8] {
    let identity = &record.identity;
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let addresses: Vec<_> = record.addresses.iter().map(ToString::to_string).collect();
    [
        record.host_name.clone(),
        addresses.join(" "),
        record.rack.as_ref().map(ToString::to_string).unwrap_or_default(),
        optional(&identity.manufacturer),
        optional(&identity.model),
        optional(&identity.serial),
        optional(&identity.uuid),
        optional(&identity.board_serial),
    ]
}

/// The record that texts say, and its mark; the error says which text is none that dip writes.
pub(super) fn record(node: &NodeName, texts: &[String; 9]) -> Result<(NodeRecord, Option<SiteName>), String> {
    let [site, host_name, addresses, rack, manufacturer, model, serial, uuid, board_serial] = texts;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let addresses = addresses
        .split_whitespace()
        .map(|text| text.parse().map_err(|_| format!("`{text}` in `dip_addresses` is no address")));
    let rack = some(rack).map(|rack| RackName::new(&rack)).transpose();
    let identity = Identity {
        manufacturer: some(manufacturer),
        model: some(model),
        serial: some(serial),
        uuid: some(uuid),
        board_serial: some(board_serial),
    };
    let record = NodeRecord {
        node: node.clone(),
        host_name: host_name.clone(),
        addresses: addresses.collect::<Result<_, _>>()?,
        rack: rack.map_err(|error| format!("`dip_rack`: {error}"))?,
        identity,
    };
    // What is no site's name is nobody's mark: then dip leaves the row alone.
    Ok((record, SiteName::new(site).ok()))
}
