//! dip's own columns, and a node's record in them.

use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, RackName, SiteName};

use crate::provider::{NicRecord, NodeRecord};

/// Whose the row's columns of dip are.
pub(super) const SITE: &str = "dip_site";

/// The columns that dip writes, the mark first.
pub(super) const OWN: [&str; 10] = [
    SITE,
    "dip_host_name",
    "dip_addresses",
    "dip_rack",
    "dip_manufacturer",
    "dip_model",
    "dip_serial",
    "dip_uuid",
    "dip_board_serial",
    "dip_nics",
];

/// The texts of a record in dip's columns, without the mark.
pub(super) fn texts(record: &NodeRecord) -> [String; 9] {
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
        record.nics.iter().map(|nic| format!("{} {nic}", nic.name)).collect::<Vec<_>>().join("; "),
    ]
}

/// The record that texts say, and its mark; the error says which text is none that dip writes.
pub(super) fn record(node: &NodeName, texts: &[String; 10]) -> Result<(NodeRecord, Option<SiteName>), String> {
    let [site, host_name, addresses, rack, manufacturer, model, serial, uuid, board_serial, nics] = texts;
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
        nics: nics.split(';').filter(|text| !text.trim().is_empty()).map(nic).collect::<Result<_, _>>()?,
    };
    // What is no site's name is nobody's mark: then dip leaves the row alone.
    Ok((record, SiteName::new(site).ok()))
}

/// An interface: its name, its MAC address where it has one, and its addresses.
fn nic(text: &str) -> Result<NicRecord, String> {
    let wrong = || format!("`{}` in `dip_nics` is no interface as dip writes it", text.trim());
    let mut words = text.split_whitespace().peekable();
    let name = words.next().and_then(|name| NicName::new(name).ok()).ok_or_else(wrong)?;
    let mac = words.next_if(|word| word.parse::<MacAddr>().is_ok()).and_then(|word| word.parse().ok());
    let addresses = words.map(|word| word.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok(NicRecord { name, mac, addresses })
}
