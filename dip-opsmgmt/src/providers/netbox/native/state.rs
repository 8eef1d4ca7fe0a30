//! The interfaces of a device and the addresses that a record names, as the API tells them.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::net::IpAddr;

use dip_core::hardware::MacAddr;
use dip_core::provider::ProviderError;
use ipnetwork::IpNetwork;
use serde_json::{Map, Value};

use super::mark::Mark;
use crate::provider::{NicRecord, NodeRecord};
use crate::providers::netbox::addresses::AT_ONCE;
use crate::providers::netbox::device::Device;
use crate::providers::netbox::{Dialect, Netbox, pages};

/// The fields of a device that say by which addresses it is known.
pub(super) const PRIMARIES: [&str; 2] = ["primary_ip4", "primary_ip6"];

/// The id of a thing: a number of NetBox, a UUID of Nautobot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Id(pub(super) Value);

impl Id {
    /// The id of a thing, or of what refers to it.
    pub(in super::super) fn of(thing: &Value) -> Option<Self> {
        thing.get("id").filter(|id| !id.is_null()).cloned().map(Self)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(id) => f.write_str(id),
            id => id.fmt(f),
        }
    }
}

/// What is there.
#[derive(Debug, Default)]
pub(in super::super) struct Native {
    pub(super) interfaces: Vec<Interface>,
    /// Those of the device, and those that the record names, wherever they are.
    pub(super) addresses: Vec<Address>,
    /// The device's primary addresses, in the order of [`PRIMARIES`].
    pub(super) primaries: [Option<Id>; 2],
}

/// An interface of the device.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) mac: Option<MacAddr>,
    pub(super) mark: Option<Mark>,
    /// Whether others have hung something on it.
    pub(super) in_use: bool,
}

/// An address.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) id: Id,
    pub(super) address: IpNetwork,
    pub(super) mark: Option<Mark>,
    /// What it is called in DNS, as people typed it.
    pub(super) dns_name: String,
    /// The interfaces that have it, of whatever device.
    pub(super) on: Vec<Id>,
}

impl Native {
    /// The interface of a record: by its name, or by its MAC address where it is called otherwise here.
    pub(super) fn interface(&self, nic: &NicRecord) -> Option<&Interface> {
        let named = self.interfaces.iter().find(|interface| interface.name == nic.name.as_str());
        named.or_else(|| self.interfaces.iter().find(|interface| nic.mac.is_some() && interface.mac == nic.mac))
    }

    /// All that have this address.
    pub(super) fn with_address(&self, address: IpAddr) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |known| known.address.ip() == address)
    }

    /// The address by which the device is known, of the kind of another one.
    pub(super) fn primary_like(&self, address: IpAddr) -> Option<&Address> {
        let id = self.primaries[usize::from(address.is_ipv6())].as_ref()?;
        self.addresses.iter().find(|known| known.id == *id)
    }

    /// The record as what is there tells it.
    pub(in super::super) fn told(&self, mut record: NodeRecord) -> NodeRecord {
        let wanted: Vec<IpAddr> = primaries(&record).collect();
        record.nics = record.nics.iter().filter_map(|nic| self.told_nic(nic)).collect();
        for address in wanted {
            match self.primary_like(address).map(|known| known.address.ip()) {
                Some(known) if known == address => {}
                // By another one, or by none: then it is not what the record says first.
                known => {
                    record.addresses.retain(|other| *other != address && Some(*other) != known);
                    known.into_iter().for_each(|known| record.addresses.insert(0, known));
                }
            }
        }
        record
    }

    fn told_nic(&self, nic: &NicRecord) -> Option<NicRecord> {
        let interface = self.interface(nic)?;
        let on = |address: &&Address| address.on.contains(&interface.id);
        let mut addresses = nic.addresses.clone();
        addresses.retain(|wanted| self.with_address(wanted.ip()).any(|known| on(&known)));
        let ours = self.addresses.iter().filter(on).filter(|known| known.mark.is_some());
        addresses.extend(
            ours.map(|known| known.address).filter(|known| !nic.addresses.iter().any(|a| a.ip() == known.ip())),
        );
        Some(NicRecord { name: nic.name.clone(), mac: nic.mac.and(interface.mac), addresses })
    }
}

/// The addresses by which a node is to be known: the first of each kind that one of its interfaces has.
pub(super) fn primaries(record: &NodeRecord) -> impl Iterator<Item = IpAddr> {
    let on_nic = |address: &&IpAddr| record.nics.iter().flat_map(|nic| &nic.addresses).any(|on| on.ip() == **address);
    let first = move |is_v6: bool| record.addresses.iter().filter(on_nic).find(|address| address.is_ipv6() == is_v6);
    [first(false), first(true)].into_iter().flatten().copied()
}

impl Netbox {
    /// Reads what is there of a device, if there is one yet, and of addresses.
    pub(in super::super) async fn native(
        &self,
        device: Option<&Device>,
        addresses: impl IntoIterator<Item = IpAddr> + Send,
        action: &str,
    ) -> Result<Native, ProviderError> {
        let page = self.settings.page;
        let mut native = Native::default();
        let mut found = Vec::new();
        if let Some(device) = device {
            let id = device.id();
            let query = [(self.dialect.of_device(), id.as_str())];
            let interfaces = pages::all(&self.client, "dcim/interfaces/", &query, page, action).await?;
            native.interfaces = interfaces.iter().filter_map(interface).collect();
            found = self.addresses_on(&native.interfaces, id.as_str(), action).await?;
            native.primaries = PRIMARIES.map(|key| device.0.get(key).and_then(Id::of));
        }
        let texts: Vec<String> = addresses.into_iter().map(|address| address.to_string()).collect();
        for some in texts.chunks(AT_ONCE) {
            let mut query: Vec<(&str, &str)> = some.iter().map(|text| ("address", text.as_str())).collect();
            query.push(self.dialect.in_global_table());
            query.extend(self.dialect.with_interfaces());
            found.extend(pages::all(&self.client, "ipam/ip-addresses/", &query, page, action).await?);
        }
        // One that the record names may be on the device too.
        let mut seen = HashSet::new();
        found.retain(|address| seen.insert(address.get("id").map(ToString::to_string)));
        native.addresses = found.iter().filter_map(|found| address(self.dialect, found)).collect();
        Ok(native)
    }

    /// The addresses that a device has.
    async fn addresses_on(
        &self,
        interfaces: &[Interface],
        device: &str,
        action: &str,
    ) -> Result<Vec<Value>, ProviderError> {
        let page = self.settings.page;
        if self.dialect == Dialect::Netbox {
            let query = [("device_id", device)];
            return pages::all(&self.client, "ipam/ip-addresses/", &query, page, action).await;
        }
        // Asked for a device's addresses, Nautobot tells one twice that two of its interfaces have; each pair of them it tells once.
        let mut ids = BTreeSet::new();
        let texts: Vec<String> = interfaces.iter().map(|interface| interface.id.to_string()).collect();
        for some in texts.chunks(AT_ONCE) {
            let query: Vec<(&str, &str)> = some.iter().map(|id| ("interface", id.as_str())).collect();
            let bound = pages::all(&self.client, "ipam/ip-address-to-interface/", &query, page, action).await?;
            ids.extend(bound.iter().filter_map(|bound| Id::of(bound.get("ip_address")?)).map(|id| id.to_string()));
        }
        let mut found = Vec::new();
        for some in Vec::from_iter(ids).chunks(AT_ONCE) {
            let mut query: Vec<(&str, &str)> = some.iter().map(|id| ("id", id.as_str())).collect();
            query.extend(self.dialect.with_interfaces());
            found.extend(pages::all(&self.client, "ipam/ip-addresses/", &query, page, action).await?);
        }
        Ok(found)
    }
}

fn interface(thing: &Value) -> Option<Interface> {
    let text = |key: &str| thing.get(key).and_then(Value::as_str);
    let is_there = |key: &str| thing.get(key).is_some_and(|value| !value.is_null());
    let has_some = |key: &str| thing.get(key).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    Some(Interface {
        id: Id::of(thing)?,
        name: text("name")?.to_owned(),
        mac: text("mac_address").and_then(|mac| mac.parse().ok()),
        mark: Mark::in_thing(thing),
        in_use: is_there("cable") || is_there("lag") || has_some("tags") || has_some("tagged_vlans"),
    })
}

fn address(dialect: Dialect, thing: &Value) -> Option<Address> {
    let on = match dialect {
        Dialect::Nautobot => {
            thing.get("interfaces").and_then(Value::as_array).into_iter().flatten().filter_map(Id::of).collect()
        }
        Dialect::Netbox => {
            let of_device = thing.get("assigned_object_type").is_some_and(|kind| kind == "dcim.interface");
            let id = thing.get("assigned_object_id").filter(|id| of_device && !id.is_null());
            id.cloned().map(Id).into_iter().collect()
        }
    };
    Some(Address {
        id: Id::of(thing)?,
        address: thing.get("address")?.as_str()?.parse().ok()?,
        mark: Mark::in_thing(thing),
        dns_name: thing.get("dns_name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        on,
    })
}

/// A change of one field.
pub(super) fn field(name: &str, value: impl Into<Value>) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value.into())]))
}
