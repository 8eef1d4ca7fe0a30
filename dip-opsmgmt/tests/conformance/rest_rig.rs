//! A Nautobot or NetBox under trial, and what a person does there by its REST API.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use dip_core::conformance::{Failure, IpamHarness, PoolHarness};
use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, RackName};
use dip_core::provider::{AddressPool, Holder, Ipam};
use dip_core::secret::Secret;
use dip_lab::Nautobot;
use dip_opsmgmt::conformance::{CmdbHarness, NativeNode};
use dip_opsmgmt::provider::{Cmdb, NicRecord, NodeRecord};
use dip_opsmgmt::providers::netbox::{Dialect, Netbox};
use dip_opsmgmt::settings::{Interfaces, NetboxSettings, NewDevice};
use ipnetwork::IpNetwork;
use reqwest::Method;
use serde_json::{Value, json};

use crate::faulty_way::FaultyWay;
use crate::is;

pub(crate) struct Rig {
    pub(crate) dialect: Dialect,
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    pub(crate) token: String,
    /// The token of a user who may do nothing, where there is one.
    pub(crate) powerless: Option<&'static str>,
    pub(crate) provider: Arc<Netbox>,
    http: reqwest::Client,
    numbers: AtomicU16,
    /// It runs as long as the rig, where the rig started it.
    _server: Option<Nautobot>,
}

pub(crate) fn settings(url: String) -> NetboxSettings {
    NetboxSettings {
        url,
        token: dip_core::secret::SecretRef::Env("TOKEN".to_owned()),
        ca_file: None,
        tls_fingerprint: None,
        field: "dip".to_owned(),
        filter: Default::default(),
        prefixes: None,
        bmc_protocols: None,
        status: None,
        create: Some(NewDevice {
            location: "lab".to_owned(),
            role: "server".to_owned(),
            device_type: "server".to_owned(),
        }),
        interfaces: Interfaces::Write,
        owns: Vec::new(),
        // Small, so that every list has pages.
        page: 7,
    }
}

impl Rig {
    /// The real Nautobot, started here.
    pub(crate) async fn nautobot() -> Result<Self, Failure> {
        let server = Nautobot::start().await?;
        let (url, addr, token) = (server.url(), server.addr, server.token);
        let mut rig = Self::of(Dialect::Nautobot, addr, url, token)?;
        rig.powerless = Some(server.powerless_token);
        rig._server = Some(server);
        rig.prefix("10.3.0.0/16").await?;
        Ok(rig)
    }

    /// A NetBox that somebody started, with nothing in it that matters.
    pub(crate) async fn netbox(url: &str, token: &str) -> Result<Self, Failure> {
        let host = url.strip_prefix("http://").ok_or("`DIP_NETBOX_URL` must be like `http://127.0.0.1:8000`")?;
        let rig = Self::of(Dialect::Netbox, host.parse()?, url.to_owned(), token)?;
        let maker = json!({"name": "lab", "slug": "lab"});
        rig.ask(Method::POST, "dcim/sites/", Some(json!({"name": "lab", "slug": "lab"}))).await?;
        rig.ask(Method::POST, "dcim/manufacturers/", Some(maker.clone())).await?;
        let role = json!({"name": "server", "slug": "server", "color": "ffffff"});
        rig.ask(Method::POST, "dcim/device-roles/", Some(role)).await?;
        let kind = json!({"manufacturer": maker, "model": "server", "slug": "server", "u_height": 1});
        rig.ask(Method::POST, "dcim/device-types/", Some(kind)).await?;
        let field = json!({"name": "dip", "type": "json", "object_types": ["dcim.device"]});
        rig.ask(Method::POST, "extras/custom-fields/", Some(field)).await?;
        rig.prefix("10.3.0.0/16").await?;
        Ok(rig)
    }

    fn of(dialect: Dialect, addr: SocketAddr, url: String, token: &str) -> Result<Self, Failure> {
        // The provider first: it chooses the cryptography of the process.
        let provider = provider(settings(url.clone()), dialect, token)?;
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        let (token, numbers) = (token.to_owned(), AtomicU16::new(1));
        Ok(Self { dialect, addr, url, token, powerless: None, provider, http, numbers, _server: None })
    }

    /// The provider with other settings or another token.
    pub(crate) fn other(&self, settings: NetboxSettings, token: &str) -> Result<Arc<Netbox>, Failure> {
        provider(settings, self.dialect, token)
    }

    /// The provider of a server that is not there: nobody listens on the port for discarding.
    fn dead(&self) -> Option<Arc<Netbox>> {
        self.other(settings("http://127.0.0.1:9".to_owned()), "any").ok()
    }

    /// The provider over a way with faults.
    pub(crate) async fn over_faults(&self) -> Result<(FaultyWay, Arc<Netbox>), Failure> {
        let way = FaultyWay::to(self.addr).await?;
        let provider = self.other(settings(way.url()), &self.token)?;
        Ok((way, provider))
    }

    /// Asks as a person would.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let request = self.http.request(method, format!("{}/api/{path}", self.url));
        let request = request.header("Authorization", format!("Token {}", self.token));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("{path}: it answered {status}: {text}").into());
        }
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    async fn all(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut found = self.ask(Method::GET, &format!("{path}&limit=100"), None).await?;
        Ok(found["results"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    pub(crate) async fn device(&self, node: &NodeName) -> Result<Value, Failure> {
        let found = self.found(node).await?;
        found.ok_or_else(|| format!("there is no device {node}").into())
    }

    async fn found(&self, node: &NodeName) -> Result<Option<Value>, Failure> {
        Ok(self.all(&format!("dcim/devices/?name={node}")).await?.pop())
    }

    pub(crate) fn status(&self, word: &str) -> Value {
        match self.dialect {
            Dialect::Nautobot => json!({"name": word}),
            Dialect::Netbox => json!(word.to_lowercase()),
        }
    }

    /// A device that a person made.
    pub(crate) async fn typed(&self, node: &NodeName, further: Value) -> Result<Value, Failure> {
        let place = if self.dialect == Dialect::Nautobot { "location" } else { "site" };
        let mut body = json!({
            "name": node, place: {"name": "lab"}, "role": {"name": "server"}, "status": self.status("Active"),
            "device_type": {"model": "server"}, "comments": "bought 2024", "asset_tag": format!("A-{node}"),
        });
        for (key, value) in further.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.ask(Method::POST, "dcim/devices/", Some(body)).await
    }

    pub(crate) async fn prefix(&self, prefix: &str) -> Result<Value, Failure> {
        let mut body = json!({"prefix": prefix, "status": self.status("Active")});
        if self.dialect == Dialect::Nautobot {
            body["namespace"] = json!({"name": "Global"});
        }
        self.ask(Method::POST, "ipam/prefixes/", Some(body)).await
    }

    /// An interface that a person made.
    pub(crate) async fn interface(&self, device: &Value, name: &str, mac: Option<MacAddr>) -> Result<Value, Failure> {
        let mut body = json!({"device": device["id"], "name": name, "type": "1000base-t"});
        if self.dialect == Dialect::Nautobot {
            body["status"] = self.status("Active");
        }
        let made = self.ask(Method::POST, "dcim/interfaces/", Some(body)).await?;
        if let Some(mac) = mac {
            self.type_mac(&made, mac).await?;
        }
        Ok(made)
    }

    async fn type_mac(&self, interface: &Value, mac: MacAddr) -> Result<(), Failure> {
        let path = format!("dcim/interfaces/{}/", plain(&interface["id"]));
        let body = if interface.get("primary_mac_address").is_some() {
            let body = json!({
                "mac_address": mac, "assigned_object_type": "dcim.interface", "assigned_object_id": interface["id"],
            });
            json!({"primary_mac_address": self.ask(Method::POST, "dcim/mac-addresses/", Some(body)).await?["id"]})
        } else {
            json!({"mac_address": mac})
        };
        self.ask(Method::PATCH, &path, Some(body)).await.map(drop)
    }

    /// An address that a person made, on an interface or on none.
    pub(crate) async fn address(&self, address: &str, interface: Option<&Value>) -> Result<Value, Failure> {
        let mut body = json!({"address": address, "status": self.status("Active")});
        match (self.dialect, interface) {
            (Dialect::Netbox, Some(interface)) => {
                body["assigned_object_type"] = json!("dcim.interface");
                body["assigned_object_id"] = interface["id"].clone();
            }
            (Dialect::Netbox, None) => {}
            (Dialect::Nautobot, _) => body["namespace"] = json!({"name": "Global"}),
        }
        let made = self.ask(Method::POST, "ipam/ip-addresses/", Some(body)).await?;
        if let (Dialect::Nautobot, Some(interface)) = (self.dialect, interface) {
            let bound = json!({"ip_address": made["id"], "interface": interface["id"]});
            self.ask(Method::POST, "ipam/ip-address-to-interface/", Some(bound)).await?;
        }
        Ok(made)
    }
}

fn provider(settings: NetboxSettings, dialect: Dialect, token: &str) -> Result<Arc<Netbox>, Failure> {
    Ok(Arc::new(Netbox::new(settings, dialect, &Secret::new(token.to_owned()))?))
}

/// An id as a path has it.
pub(crate) fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[async_trait]
impl CmdbHarness for Rig {
    fn cmdb(&self) -> Arc<dyn Cmdb> {
        Arc::clone(&self.provider) as Arc<dyn Cmdb>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Cmdb>> {
        Some(self.other(settings(self.url.clone()), "wrong").ok()?)
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Cmdb>> {
        Some(self.dead()?)
    }

    fn fresh(&self) -> NodeRecord {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        NodeRecord {
            node: NodeName::new(&format!("h{number}")).expect("a plain word is a name"),
            host_name: format!("h{number}.lab.test"),
            addresses: vec![format!("10.3.{}.{}", number / 250, number % 250 + 1).parse().expect("an address")],
            rack: Some(RackName::new("r1").expect("a plain word is a name")),
            identity: Identity {
                serial: Some(format!("00{number}")),
                model: Some("a \"b\": #c".to_owned()),
                ..Identity::default()
            },
            nics: Vec::new(),
        }
    }

    async fn seed_other_fields(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        self.typed(&record.node, json!({"serial": "typed"})).await?;
        Ok(Some(()))
    }

    async fn other_fields_are_untouched(&self, record: &NodeRecord) -> Result<(), Failure> {
        let device = self.device(&record.node).await?;
        is("the comments", device["comments"].as_str().unwrap_or_default(), "bought 2024")?;
        is("the asset tag", device["asset_tag"].as_str().unwrap_or_default(), &format!("A-{}", record.node))
    }

    async fn seed_unmarked(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        self.typed(&record.node, json!({"custom_fields": {"dip": record}})).await?;
        Ok(Some(()))
    }

    async fn native(&self, record: &NodeRecord) -> Result<Option<NativeNode>, Failure> {
        let Some(device) = self.found(&record.node).await? else { return Ok(Some(NativeNode::default())) };
        let id = plain(&device["id"]);
        let mut addresses = self.all(&format!("ipam/ip-addresses/?device_id={id}&exclude_m2m=false")).await?;
        // Nautobot tells one once for each of its interfaces.
        addresses.dedup_by_key(|address| address["id"].clone());
        let mut nics = Vec::new();
        for interface in self.all(&format!("dcim/interfaces/?device_id={id}")).await? {
            let on = |address: &&Value| {
                let several = address["interfaces"].as_array().into_iter().flatten();
                several.map(|on| &on["id"]).chain([&address["assigned_object_id"]]).any(|on| *on == interface["id"])
            };
            let texts = addresses.iter().filter(on).filter_map(|address| address["address"].as_str());
            let mut all = texts.map(str::parse).collect::<Result<Vec<_>, _>>()?;
            all.sort_unstable();
            nics.push(NicRecord {
                name: NicName::new(interface["name"].as_str().unwrap_or_default())?,
                mac: interface["mac_address"].as_str().filter(|mac| !mac.is_empty()).map(str::parse).transpose()?,
                addresses: all,
            });
        }
        nics.sort_by(|a, b| a.name.cmp(&b.name));
        let primary = addresses.iter().find(|address| address["id"] == device["primary_ip4"]["id"]);
        let primary = primary.and_then(|address| address["address"].as_str()?.split('/').next()?.parse().ok());
        Ok(Some(NativeNode { nics, primary }))
    }

    async fn seed_native(&self, record: &NodeRecord, nic: &NicRecord) -> Result<(), Failure> {
        let device = match self.found(&record.node).await? {
            Some(device) => device,
            None => self.typed(&record.node, json!({})).await?,
        };
        let interface = self.interface(&device, nic.name.as_str(), nic.mac).await?;
        for address in &nic.addresses {
            self.address(&address.to_string(), Some(&interface)).await?;
        }
        Ok(())
    }

    async fn change_native_mac(&self, record: &NodeRecord, nic: &NicName, mac: MacAddr) -> Result<(), Failure> {
        let device = plain(&self.device(&record.node).await?["id"]);
        let found = self.all(&format!("dcim/interfaces/?device_id={device}&name={nic}")).await?;
        self.type_mac(found.first().ok_or("there is no such interface")?, mac).await
    }
}

#[async_trait]
impl IpamHarness for Rig {
    fn ipam(&self) -> Arc<dyn Ipam> {
        Arc::clone(&self.provider) as Arc<dyn Ipam>
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Ipam>> {
        Some(self.dead()?)
    }

    fn fresh(&self) -> (IpAddr, MacAddr) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        (IpAddr::from([10, 3, high | 128, low]), MacAddr([2, 0, 0, 3, high, low]))
    }

    async fn give(&self, address: IpAddr, _: MacAddr, to: &Holder) -> Result<Option<()>, Failure> {
        let address = IpNetwork::new(address, 16)?;
        match to.site() {
            Some(site) => self.provider.take(address, "n1/eth0", site).await?,
            None => drop(self.address(&address.to_string(), None).await?),
        }
        Ok(Some(()))
    }

    async fn take(&self, address: IpAddr, _: MacAddr, from: &Holder) -> Result<(), Failure> {
        Ok(self.provider.give_back(address, from.site().ok_or("only a site gives back")?).await?)
    }
}

#[async_trait]
impl PoolHarness for Rig {
    fn pool(&self) -> Arc<dyn AddressPool> {
        Arc::clone(&self.provider) as Arc<dyn AddressPool>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn AddressPool>> {
        Some(self.other(settings(self.url.clone()), "wrong").ok()?)
    }

    fn of_dead_server(&self) -> Option<Arc<dyn AddressPool>> {
        Some(self.dead()?)
    }

    async fn fresh(&self) -> Result<IpNetwork, Failure> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        let prefix = IpNetwork::new(IpAddr::from([10, 128 | high, low, 0]), 24)?;
        self.prefix(&prefix.to_string()).await?;
        Ok(prefix)
    }

    fn unknown(&self) -> IpNetwork {
        IpNetwork::new(IpAddr::from([192, 0, 2, 0]), 24).expect("a prefix")
    }

    async fn give(&self, address: IpNetwork) -> Result<(), Failure> {
        self.address(&address.to_string(), None).await.map(drop)
    }
}
