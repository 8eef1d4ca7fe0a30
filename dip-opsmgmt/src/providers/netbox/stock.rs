//! Networks, racks, nodes, interfaces, cables and addresses of NetBox or Nautobot, in the words of a site file.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use dip_core::id::{NetworkName, NodeName, RackName};
use dip_core::provider::{Inventory, ProviderError, StockItem, StockSection};
use serde_json::{Map, Value, json};

use super::device::Device;
use super::{Dialect, Netbox, pages};

const ACTION: &str = "read its racks and devices";

#[async_trait]
impl Inventory for Netbox {
    async fn stock(&self) -> Result<Vec<StockItem>, ProviderError> {
        let devices = self.list_of("dcim/devices/", &self.filter()).await?;
        // Cables lead to switches, which `filter` may leave out: of those only the names are taken.
        let all = if self.settings.filter.is_empty() { Vec::new() } else { self.list_of("dcim/devices/", &[]).await? };
        let named = if all.is_empty() { &devices } else { &all };
        let racks = self.list_of("dcim/racks/", &[]).await?;
        let interfaces = self.list_of("dcim/interfaces/", &[]).await?;
        let addresses = self.list_of("ipam/ip-addresses/", &[]).await?;
        let bound = match self.dialect {
            Dialect::Nautobot => self.list_of("ipam/ip-address-to-interface/", &[]).await?,
            Dialect::Netbox => Vec::new(),
        };
        let tables = Tables::of(self.dialect, named, &racks, &interfaces, &addresses, &bound);
        let mut used: BTreeMap<String, &Value> = BTreeMap::new();
        let mut nodes = Vec::new();
        for device in &devices {
            let device = Device(device.clone());
            used.extend(tables.rack_of(&device).and_then(|rack| Some((text(rack, "name")?.to_owned(), rack))));
            nodes.extend(tables.node(&device, self.settings.bmc_protocols.as_deref()));
        }
        let rack = |(name, rack): (String, &Value)| self.rack(&name, rack);
        let mut items = self.networks().await?;
        items.extend(used.into_iter().filter_map(rack));
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        items.extend(nodes);
        Ok(items)
    }
}

impl Netbox {
    async fn list_of(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, ProviderError> {
        pages::all(&self.client, path, query, self.settings.page, ACTION).await
    }

    /// The prefixes that the site asks for, as networks by the VLANs that they are in.
    async fn networks(&self) -> Result<Vec<StockItem>, ProviderError> {
        let Some(filter) = &self.settings.prefixes else { return Ok(Vec::new()) };
        let mut query: Vec<(&str, &str)> = filter.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        query.push(self.dialect.in_global_table());
        let prefixes = self.list_of("ipam/prefixes/", &query).await?;
        let vlans = self.list_of("ipam/vlans/", &[]).await?;
        let by_id: HashMap<String, &Value> = vlans.iter().filter_map(|vlan| Some((id(vlan)?, vlan))).collect();
        let mut networks: BTreeMap<String, StockItem> = BTreeMap::new();
        for prefix in &prefixes {
            let (Some(vlan), Some(text_of)) = (prefix.get("vlan").and_then(id), text(prefix, "prefix")) else {
                continue;
            };
            let Some(vlan) = by_id.get(&vlan) else { continue };
            let Some(name) = text(vlan, "name").filter(|name| NetworkName::new(name).is_ok()) else { continue };
            let network = networks.entry(name.to_owned()).or_insert_with(|| {
                let record = format!("{} VLAN {name}", self.dialect.product());
                let says =
                    Map::from_iter([("vlan".to_owned(), vlan["vid"].clone()), ("prefixes".to_owned(), json!([]))]);
                StockItem { section: StockSection::Networks, name: name.to_owned(), record, says, left_out: Vec::new() }
            });
            if let Some(Value::Array(all)) = network.says.get_mut("prefixes") {
                all.push(json!({"prefix": text_of}));
            }
        }
        Ok(networks.into_values().collect())
    }

    fn rack(&self, name: &str, rack: &Value) -> Option<StockItem> {
        // A node in a rack whose name is none of a site file says so itself.
        RackName::new(name).ok()?;
        let mut says = Map::new();
        let group = rack.get("rack_group").or_else(|| rack.get("location")).filter(|group| !group.is_null());
        says.extend(group.and_then(|group| Some(("row".to_owned(), json!(text(group, "name")?)))));
        let record = format!("{} rack {name}", self.dialect.product());
        Some(StockItem { section: StockSection::Racks, name: name.to_owned(), record, says, left_out: Vec::new() })
    }
}

/// What devices refer to, by ids.
struct Tables<'a> {
    dialect: Dialect,
    racks: HashMap<String, &'a Value>,
    names: HashMap<String, &'a str>,
    /// The interfaces of each device.
    interfaces: HashMap<String, Vec<&'a Value>>,
    /// Which device an interface is of, and its name.
    owners: HashMap<String, (String, &'a str)>,
    /// The addresses of each interface.
    addresses: HashMap<String, Vec<&'a str>>,
}

impl<'a> Tables<'a> {
    fn of(
        dialect: Dialect,
        devices: &'a [Value],
        racks: &'a [Value],
        interfaces: &'a [Value],
        addresses: &'a [Value],
        bound: &'a [Value],
    ) -> Self {
        let by_id = |value: &'a Value| Some((id(value)?, value));
        let mut of_device: HashMap<String, Vec<&Value>> = HashMap::new();
        let mut owners = HashMap::new();
        for interface in interfaces {
            if let (Some(own), Some(device)) = (id(interface), interface.get("device").and_then(id)) {
                of_device.entry(device.clone()).or_default().push(interface);
                owners.insert(own, (device, text(interface, "name").unwrap_or_default()));
            }
        }
        let known: HashMap<String, &Value> = addresses.iter().filter_map(by_id).collect();
        let mut of_interface: HashMap<String, Vec<&str>> = HashMap::new();
        let direct = addresses.iter().filter_map(|address| Some((id(address.get("assigned_object")?)?, address)));
        let through = bound
            .iter()
            .filter_map(|bound| Some((id(bound.get("interface")?)?, *known.get(&id(bound.get("ip_address")?)?)?)));
        for (interface, address) in direct.chain(through) {
            let bare = text(address, "address").and_then(|text| text.split('/').next());
            of_interface.entry(interface).or_default().extend(bare);
        }
        of_interface.values_mut().for_each(|addresses| addresses.sort_unstable());
        Self {
            dialect,
            racks: racks.iter().filter_map(by_id).collect(),
            names: devices.iter().filter_map(|device| Some((id(device)?, text(device, "name")?))).collect(),
            interfaces: of_device,
            owners,
            addresses: of_interface,
        }
    }

    fn rack_of(&self, device: &Device) -> Option<&'a Value> {
        self.racks.get(&id(device.0.get("rack")?)?).copied()
    }

    /// A device as a node; `None` for one that has no name, which cannot be one.
    fn node(&self, device: &Device, protocols: Option<&str>) -> Option<StockItem> {
        let name = text(&device.0, "name")?;
        let mut left_out = Vec::new();
        let mut says = Map::new();
        if let Some(rack) = self.rack_of(device).and_then(|rack| text(rack, "name")) {
            match RackName::new(rack) {
                Ok(_) => drop(says.insert("rack".to_owned(), json!(rack))),
                Err(error) => left_out.push(format!("its rack `{rack}`: {error}")),
            }
        }
        match device.0.get("position").and_then(Value::as_f64) {
            // NetBox counts half units; a site file knows whole ones.
            Some(position) if position.fract() == 0.0 && (1.0..=100.0).contains(&position) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is a whole number from 1 to 100"
                )]
                says.insert("position".to_owned(), json!(position as u16));
            }
            Some(position) => left_out.push(format!("its position {position}, which is no whole unit")),
            None => {}
        }
        let serial = device.serial();
        if !serial.is_empty() {
            says.insert("serial".to_owned(), json!(serial));
        }
        let mut nics = Map::new();
        for interface in id(&device.0).and_then(|id| self.interfaces.get(&id)).into_iter().flatten() {
            let Some(of) = text(interface, "name") else { continue };
            // Only its management controller has one that is for management alone.
            if interface.get("mgmt_only").is_some_and(|only| *only == true) {
                continue;
            }
            let nic = self.nic(interface, &mut left_out);
            if !nic.is_empty() {
                nics.insert(of.to_owned(), Value::Object(nic));
            }
        }
        if !nics.is_empty() {
            says.insert("nics".to_owned(), Value::Object(nics));
        }
        let bmc = self.bmc(device, protocols);
        if !bmc.is_empty() {
            says.insert("bmc".to_owned(), Value::Object(bmc));
        }
        if let Err(error) = NodeName::new(name) {
            left_out.push(format!("its name is none that a node can have: {error}"));
        }
        let record = format!("{} device {name}", self.dialect.product());
        Some(StockItem { section: StockSection::Nodes, name: name.to_owned(), record, says, left_out })
    }

    /// How its management controller is reached: by the device's out-of-band address (NetBox), or by its interface that is for management
    /// alone, whose MAC address serves where that has no address.
    fn bmc(&self, device: &Device, protocols: Option<&str>) -> Map<String, Value> {
        let bare = |text: &str| text.split('/').next().map(str::to_owned);
        let out_of_band = device.0.get("oob_ip").and_then(|ip| bare(text(ip, "address")?));
        let interfaces = || id(&device.0).and_then(|id| self.interfaces.get(&id)).into_iter().flatten();
        let mut management =
            interfaces().filter(|interface| interface.get("mgmt_only").is_some_and(|only| *only == true));
        let of_interface = || {
            let interface = management.next()?;
            let addresses = id(interface).and_then(|id| self.addresses.get(&id));
            let address = addresses.and_then(|all| all.first()).map(|address| (*address).to_owned());
            address.or_else(|| text(interface, "mac_address").map(str::to_lowercase))
        };
        let mut bmc = Map::new();
        bmc.extend(out_of_band.or_else(of_interface).map(|address| ("address".to_owned(), json!(address))));
        let named = protocols.and_then(|field| text(device.0.get("custom_fields")?, field));
        let named: Vec<Value> = named
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(|kind| json!({"kind": kind.to_lowercase()}))
            .collect();
        if !named.is_empty() {
            bmc.insert("protocols".to_owned(), json!(named));
        }
        bmc
    }

    fn nic(&self, interface: &Value, left_out: &mut Vec<String>) -> Map<String, Value> {
        let mut nic = Map::new();
        // A list of MAC addresses has a primary one from NetBox 4.2 on, which the old key still tells.
        nic.extend(text(interface, "mac_address").map(|mac| ("mac".to_owned(), json!(mac.to_lowercase()))));
        let addresses = id(interface).and_then(|id| self.addresses.get(&id)).filter(|all| !all.is_empty());
        nic.extend(addresses.map(|addresses| ("addresses".to_owned(), json!(addresses))));
        match self.peer(interface) {
            Some((Some(switch), port)) => drop(nic.insert("link".to_owned(), json!(format!("{switch}/{port}")))),
            Some((None, port)) => left_out.push(format!(
                "the cable of {} to port {port} of a device without a name",
                text(interface, "name").unwrap_or_default()
            )),
            None => {}
        }
        nic
    }

    /// The device and port at the other end of an interface's cable.
    fn peer(&self, interface: &Value) -> Option<(Option<&str>, &'a str)> {
        let peer = match interface.get("connected_endpoints") {
            Some(Value::Array(peers)) => peers.first()?,
            _ => interface.get("connected_endpoint").filter(|peer| !peer.is_null())?,
        };
        let (device, port) = self.owners.get(&id(peer)?)?;
        Some((self.names.get(device).copied(), port))
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// The id of a thing, or of what refers to it.
fn id(value: &Value) -> Option<String> {
    value.get("id").filter(|id| !id.is_null()).map(ToString::to_string)
}
