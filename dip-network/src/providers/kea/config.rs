//! Reservations in the configuration of one of Kea's servers, as JSON: found, read, and changed without touching anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use dip_core::hardware::Duid;
use serde_json::{Map, Value, json};

use super::book::Book;
use super::classes::{self, Classes};
use super::entry::{Client, Entry, Family, Fate, Standing, Subnet, SubnetId};
use super::{mark, surroundings};

/// The configuration of a server, as `config-get` tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    family: Family,
    whole: Value,
}

/// A list of reservations: of a subnet, or of all of them.
pub(super) struct Place {
    /// Where the object that has it stands (RFC 6901).
    pub(super) pointer: String,
    /// Where the shared network of the subnet stands, if it is in one.
    pub(super) network: Option<String>,
    pub(super) subnet: Option<Subnet>,
}

impl Place {
    fn id(&self) -> SubnetId {
        self.subnet.as_ref().map_or(SubnetId::GLOBAL, |subnet| subnet.id)
    }
}

impl Config {
    /// `None` where it is no configuration of this server.
    pub(super) fn new(family: Family, mut arguments: Value) -> Option<Self> {
        // Kea 2.4 and later tell a hash beside it, which does not belong into what is set.
        let root = arguments.get_mut(family.root())?.take();
        root.is_object().then(|| Self { family, whole: json!({family.root(): root}) })
    }

    /// What `config-set` is given.
    pub(super) const fn arguments(&self) -> &Value {
        &self.whole
    }

    pub(super) fn subnets(&self) -> Vec<Subnet> {
        self.places().into_iter().filter_map(|place| place.subnet).collect()
    }

    /// All reservations; their numbers count through the lists in their order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let places = self.places();
        let all = places.iter().flat_map(|place| self.list(place).iter().map(|item| (place.id(), item)));
        all.zip(0..).map(|((subnet, item), number)| self.entry(subnet, item, number)).collect()
    }

    /// The classes that tell boot files.
    pub(super) fn classes(&self) -> Classes {
        let list = self.whole[self.family.root()]["client-classes"].as_array().map_or(&[] as &[_], Vec::as_slice);
        let places = self.places();
        let rivals = surroundings::rivals(self.family, &self.whole, &places);
        Classes::read(self.family, list).beside(rivals, surroundings::shared(self.family, &self.whole, &places))
    }

    /// Whether the server has a database of hosts.
    pub(super) fn has_hosts_database(&self) -> bool {
        let body = &self.whole[self.family.root()];
        body["hosts-database"].is_object() || body["hosts-databases"].as_array().is_some_and(|all| !all.is_empty())
    }

    /// Makes the changes that concern this server; whether there were any.
    pub(super) fn apply(&mut self, book: &Book) -> bool {
        let (mut stored, mut new) = (BTreeMap::new(), BTreeMap::<SubnetId, Vec<&Entry>>::new());
        for entry in book.changes().filter(|entry| entry.family == self.family) {
            match entry.standing {
                Standing::Stored(number) => drop(stored.insert(number, entry)),
                Standing::New => new.entry(entry.subnet).or_default().push(entry),
                Standing::Fixed => {}
            }
        }
        if stored.is_empty() && new.is_empty() {
            return false;
        }
        let mut number = 0;
        for place in self.places() {
            let Some(owner) = self.whole.pointer_mut(&place.pointer).and_then(Value::as_object_mut) else { continue };
            let before = match owner.get_mut("reservations").map(Value::take) {
                Some(Value::Array(list)) => list,
                _ => Vec::new(),
            };
            let mut after = Vec::with_capacity(before.len());
            for mut item in before {
                match stored.get(&number) {
                    Some(entry) if entry.fate == Fate::Removed => {}
                    changed => {
                        if let Some(entry) = changed {
                            write(&mut item, entry);
                        }
                        after.push(item);
                    }
                }
                number += 1;
            }
            after.extend(new.remove(&place.id()).into_iter().flatten().map(item));
            owner.insert("reservations".to_owned(), Value::Array(after));
        }
        self.apply_classes(book);
        true
    }

    /// Makes the classes tell the boot files that its reservations have now.
    fn apply_classes(&mut self, book: &Book) {
        let mut used = BTreeMap::<SubnetId, BTreeSet<String>>::new();
        for entry in self.entries() {
            used.entry(entry.subnet).or_default().extend(entry.classes);
        }
        let anywhere = used.values().flatten().cloned().collect();
        let Some(body) = self.whole[self.family.root()].as_object_mut() else { return };
        let before = body.get("client-classes").cloned();
        let mut list = before.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        classes::apply(self.family, &mut list, book.boots(), &anywhere, book.sites());
        // A configuration that had no list gets none that is empty.
        if !list.is_empty() {
            body.insert("client-classes".to_owned(), Value::Array(list.clone()));
        } else if before.is_some() {
            body.insert("client-classes".to_owned(), json!([]));
        }
        let places = self.places();
        surroundings::require(self.family, &mut self.whole, &places, &list, &used, book.sites());
    }

    fn places(&self) -> Vec<Place> {
        let root = format!("/{}", self.family.root());
        let subnets = match self.family {
            Family::V4 => "subnet4",
            Family::V6 => "subnet6",
        };
        let body = &self.whole[self.family.root()];
        let everywhere = body["reservations-in-subnet"].as_bool().unwrap_or(true);
        let mut places = vec![Place { pointer: root.clone(), network: None, subnet: None }];
        let mut add = |pointer: String, network: Option<&str>, owner: &Value, reservable: bool| {
            for (number, subnet) in owner[subnets].as_array().into_iter().flatten().enumerate() {
                let id = subnet["id"].as_u64().and_then(|id| u32::try_from(id).ok());
                let prefix = subnet["subnet"].as_str().and_then(|prefix| prefix.parse().ok());
                let (Some(id), Some(prefix)) = (id, prefix) else { continue };
                let reservable = subnet["reservations-in-subnet"].as_bool().unwrap_or(reservable);
                let subnet = Some(Subnet { id: SubnetId(id), prefix, reservable });
                let pointer = format!("{pointer}/{subnets}/{number}");
                places.push(Place { pointer, network: network.map(str::to_owned), subnet });
            }
        };
        add(root.clone(), None, body, everywhere);
        for (number, network) in body["shared-networks"].as_array().into_iter().flatten().enumerate() {
            let reservable = network["reservations-in-subnet"].as_bool().unwrap_or(everywhere);
            let pointer = format!("{root}/shared-networks/{number}");
            add(pointer.clone(), Some(&pointer), network, reservable);
        }
        places
    }

    fn list(&self, place: &Place) -> &[Value] {
        let list = self.whole.pointer(&place.pointer).and_then(|owner| owner["reservations"].as_array());
        list.map(Vec::as_slice).unwrap_or_default()
    }

    /// A reservation of this server as it tells it.
    pub(super) fn entry(&self, subnet: SubnetId, item: &Value, number: i64) -> Entry {
        let addresses = match self.family {
            Family::V4 => item["ip-address"].as_str().into_iter().collect(),
            Family::V6 => {
                item["ip-addresses"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>()
            }
        };
        let addresses = addresses.into_iter().filter_map(|address| address.parse::<IpAddr>().ok());
        Entry {
            standing: Standing::Stored(number),
            fate: Fate::Same,
            family: self.family,
            subnet,
            client: client(item),
            duid: duid(item),
            // Kea tells 0.0.0.0 where there is none.
            addresses: addresses.filter(|address| !address.is_unspecified()).collect(),
            host_name: item["hostname"].as_str().filter(|name| !name.is_empty()).map(str::to_owned),
            classes: classes_of(item),
            owner: mark::owner(item.get("user-context")),
        }
    }
}

/// By what an entry knows its client. A DUID that is made of a MAC address, or noted beside one, is that interface.
pub(super) fn client(item: &Value) -> Client {
    if let Some(mac) = item["hw-address"].as_str().and_then(|mac| mac.parse().ok()) {
        return Client::Mac(mac);
    }
    if let Some(mac) = duid(item).and_then(|duid| duid.mac().or_else(|| mark::interface(item.get("user-context")))) {
        return Client::Mac(mac);
    }
    let known = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];
    let found = known.into_iter().find_map(|kind| Some(format!("{kind} {}", item[kind].as_str()?)));
    Client::Other(found.unwrap_or_else(|| "a client".to_owned()))
}

/// The DUID of an entry; Kea takes it with colons and without.
fn duid(item: &Value) -> Option<Duid> {
    let digits: Vec<u8> = item["duid"].as_str()?.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    Duid::new(&digits.chunks(2).map(octet).collect::<Option<Vec<u8>>>()?)
}

/// The classes that a reservation puts its client into.
fn classes_of(item: &Value) -> Vec<String> {
    let list = item["client-classes"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A reservation that is not there yet.
pub(super) fn item(entry: &Entry) -> Value {
    let mut item = Value::Object(Map::new());
    match entry.identifying_duid() {
        Some(duid) => item["duid"] = json!(duid),
        None => item["hw-address"] = json!(entry.client.to_string()),
    }
    write(&mut item, entry);
    item
}

/// Writes what dip decides into a reservation; whatever else it says stays.
pub(super) fn write(item: &mut Value, entry: &Entry) {
    if classes_of(item) != entry.classes {
        item["client-classes"] = json!(entry.classes);
    }
    let Some(item) = item.as_object_mut() else { return };
    match (entry.family, entry.addresses.as_slice()) {
        (Family::V4, []) => drop(item.remove("ip-address")),
        (Family::V4, [address, ..]) => drop(item.insert("ip-address".to_owned(), json!(address))),
        (Family::V6, addresses) => drop(item.insert("ip-addresses".to_owned(), json!(addresses))),
    }
    match &entry.host_name {
        Some(name) => drop(item.insert("hostname".to_owned(), json!(name))),
        None => drop(item.remove("hostname")),
    }
    match mark::marked(item.get("user-context"), entry.owner.as_ref(), entry.noted_interface()) {
        Some(context) => drop(item.insert("user-context".to_owned(), context)),
        None => drop(item.remove("user-context")),
    }
}

#[cfg(test)]
mod tests {
    use dip_core::hardware::MacAddr;
    use dip_core::id::SiteName;
    use dip_core::provider::{ErrorKind, Holder};

    use super::*;
    use crate::provider::{BootFiles, Reservation};

    fn config() -> Config {
        let theirs =
            json!({"duid": "00:03:00:01:02:00:00:00:00:09", "ip-address": "10.0.0.9", "next-server": "10.0.0.2"});
        let port = json!({"circuit-id": "'port7'", "ip-address": "10.1.0.7", "user-context": {"room": 7}});
        let config = json!({"hash": "AB", "Dhcp4": {
            "lease-database": {"type": "memfile"},
            "reservations": [{"hw-address": "02:00:00:00:00:08", "hostname": "eight", "ip-address": "0.0.0.0"}],
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "reservations": [theirs]}],
            "shared-networks": [{"name": "floor", "subnet4": [{"id": 7, "subnet": "10.1.0.0/24", "reservations": [port]}]}],
        }});
        Config::new(Family::V4, config).expect("a configuration")
    }

    fn site() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    fn wanted(address: &str) -> Reservation {
        let mac = MacAddr([2, 0, 0, 0, 0, 1]);
        Reservation {
            mac,
            addresses: vec![address.parse().expect("an address")],
            host_name: Some("n1".to_owned()),
            duid: None,
            boot: None,
        }
    }

    #[test]
    fn what_is_added_and_removed_again_leaves_every_other_word_as_it_was() {
        let (before, mut config) = (config(), config());
        let mut book = Book::new(config.subnets(), config.entries());
        book.reserve(&wanted("10.1.0.1"), &site()).expect("it is free");
        assert!(config.apply(&book));
        let added = config.whole.pointer("/Dhcp4/shared-networks/0/subnet4/0/reservations/1");
        let shape = json!({"hw-address": "02:00:00:00:00:01", "ip-address": "10.1.0.1", "hostname": "n1", "user-context": {"dip": {"site": "lab"}}});
        assert_eq!(added, Some(&shape));
        let mut book = Book::new(config.subnets(), config.entries());
        book.release(wanted("10.1.0.1").mac, &site()).expect("it is ours");
        assert!(config.apply(&book));
        assert_eq!(config.whole["Dhcp4"], before.whole["Dhcp4"]);
        assert!(config.whole.get("hash").is_none());
    }

    #[test]
    fn a_claim_changes_the_mark_and_nothing_else() {
        let mut config = config();
        let mut book = Book::new(config.subnets(), config.entries());
        let theirs = MacAddr([2, 0, 0, 0, 0, 9]);
        assert_eq!(book.held(theirs).expect("its DUID tells its MAC address").owner, None);
        book.hand_over(theirs, &Holder::Nobody, &Holder::Site(site())).expect("it is nobody's");
        assert!(config.apply(&book));
        let shape = json!({"duid": "00:03:00:01:02:00:00:00:00:09", "ip-address": "10.0.0.9", "next-server": "10.0.0.2", "user-context": {"dip": {"site": "lab"}}});
        assert_eq!(config.whole.pointer("/Dhcp4/subnet4/0/reservations/0"), Some(&shape));
    }

    #[test]
    fn an_address_that_a_switch_port_has_is_a_conflict() {
        let config = config();
        let mut book = Book::new(config.subnets(), config.entries());
        let failure = book.reserve(&wanted("10.1.0.7"), &site()).expect_err("it is taken");
        assert!(failure.why.contains("for circuit-id 'port7' in Kea's subnet 7"), "{failure}");
    }

    #[test]
    fn a_subnet_that_tells_a_boot_file_itself_is_no_place_for_boot_files_and_others_are() {
        let url = json!([{"name": "bootfile-url", "data": "tftp://[fd00::9]/grub.efi"}]);
        let config = json!({"Dhcp6": {
            "subnet6": [
                {"id": 1, "subnet": "fd00:1::/64", "pools": [{"pool": "fd00:1::/80", "option-data": url}]},
                {"id": 2, "subnet": "fd00:2::/64", "pools": [{"pool": "fd00:2::/80"}]},
            ],
            "shared-networks": [{"name": "floor", "option-data": url, "subnet6": [{"id": 3, "subnet": "fd00:3::/64"}]}],
            "option-data": url,
        }});
        let config = Config::new(Family::V6, config).expect("a configuration");
        let boot = json!({"server6": "fd00::5", "uefi_x64": "ipxe.efi"});
        let boot = serde_json::from_value::<BootFiles>(boot).expect("they can be told");
        let reserve = |address: &str| {
            let mut book = Book::new(config.subnets(), config.entries()).with_classes(config.classes());
            book.reserve(&Reservation { boot: Some(boot.clone()), ..wanted(address) }, &site())
        };
        for (address, subnet) in [("fd00:1::7", "fd00:1::/64"), ("fd00:3::7", "fd00:3::/64")] {
            let failure = reserve(address).expect_err("the subnet's comes first");
            assert_eq!(failure.kind, ErrorKind::Conflict);
            assert!(failure.why.starts_with(&format!("the subnet {subnet}")), "{failure}");
        }
        reserve("fd00:2::7").expect("what all clients may hear comes after the classes");
    }
}
