//! Nautobot under trial, the real one, also over a way on which answers are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, them, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::Identity;
use dip_core::id::{NodeName, RackName};
use dip_core::provider::{ErrorKind, Inventory, Ipam};
use dip_core::secret::Secret;
use dip_lab::{Nautobot, Requirement};
use dip_opsmgmt::conformance::{self, CmdbHarness};
use dip_opsmgmt::provider::{Cmdb, NodeRecord};
use dip_opsmgmt::providers::netbox::{Dialect, Netbox};
use dip_opsmgmt::settings::{NetboxSettings, NewDevice};
use reqwest::Method;
use serde_json::{Value, json};

use crate::faulty_way::{Fault, FaultyWay};
use crate::{is, step};

const SERVER: &str = "nautobot";

struct Rig {
    server: Nautobot,
    provider: Arc<Netbox>,
    http: reqwest::Client,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::Nautobot.check(), Rig::start(), |rig| {
        let mut trials = conformance::cmdb(Arc::clone(&rig) as Arc<dyn CmdbHarness>);
        trials.extend(trials_of! {rig;
            the_step_records_a_node_and_mends_a_change_made_by_hand
            what_dip_wrote_over_is_put_back_and_all_else_is_left_alone
            a_rate_limit_is_waited_for
            a_server_that_stays_busy_is_told
            a_device_whose_making_was_not_answered_is_made_once
            a_list_that_is_cut_off_is_asked_for_again
            a_list_that_lacks_devices_is_refused
            a_user_without_rights_is_denied
            a_custom_field_that_nobody_made_is_told_and_no_device_is_left
            the_address_book_tells_whose_device_has_an_address
            the_stock_is_racks_and_nodes_with_their_cables_and_addresses
        });
        trials
    })
    .await
}

fn settings(url: String) -> NetboxSettings {
    NetboxSettings {
        url,
        token: dip_core::secret::SecretRef::Env("NAUTOBOT_TOKEN".to_owned()),
        ca_file: None,
        field: "dip".to_owned(),
        filter: Default::default(),
        status: None,
        create: Some(NewDevice {
            location: "lab".to_owned(),
            role: "server".to_owned(),
            device_type: "server".to_owned(),
        }),
        // Small, so that every list has pages.
        page: 7,
    }
}

impl Rig {
    async fn start() -> Result<Self, Failure> {
        let server = Nautobot::start().await?;
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let provider = Self::provider(settings(server.url()), server.token)?;
        Ok(Self { server, provider, http: http.build()?, numbers: AtomicU16::new(1) })
    }

    fn provider(settings: NetboxSettings, token: &str) -> Result<Arc<Netbox>, Failure> {
        Ok(Arc::new(Netbox::new(settings, Dialect::Nautobot, &Secret::new(token.to_owned()))?))
    }

    /// The provider over a way with faults.
    async fn over_faults(&self) -> Result<(FaultyWay, Arc<Netbox>), Failure> {
        let way = FaultyWay::to(self.server.addr).await?;
        let provider = Self::provider(settings(way.url()), self.server.token)?;
        Ok((way, provider))
    }

    /// Asks Nautobot as a person would.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let request = self.http.request(method, format!("{}/api/{path}", self.server.url()));
        let request = request.header("Authorization", format!("Token {}", self.server.token));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("nautobot answered {status}: {text}").into());
        }
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    async fn device(&self, node: &NodeName) -> Result<Value, Failure> {
        let mut found = self.ask(Method::GET, &format!("dcim/devices/?name={node}"), None).await?;
        match found["results"].as_array_mut().and_then(Vec::pop) {
            Some(device) => Ok(device),
            None => Err(format!("there is no device {node}").into()),
        }
    }

    /// A device that a person made.
    async fn typed(&self, node: &NodeName, further: Value) -> Result<Value, Failure> {
        let mut body = json!({
            "name": node, "location": {"name": "lab"}, "role": {"name": "server"}, "status": {"name": "Active"},
            "device_type": {"model": "server"}, "comments": "bought 2024", "asset_tag": format!("A-{node}"),
        });
        for (key, value) in further.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.ask(Method::POST, "dcim/devices/", Some(body)).await
    }
}

#[async_trait]
impl CmdbHarness for Rig {
    fn cmdb(&self) -> Arc<dyn Cmdb> {
        Arc::clone(&self.provider) as Arc<dyn Cmdb>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Cmdb>> {
        Some(Self::provider(settings(self.server.url()), "wrong").ok()?)
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Cmdb>> {
        // Nobody listens on the port for discarding.
        Some(Self::provider(settings("http://127.0.0.1:9".to_owned()), "any").ok()?)
    }

    fn fresh(&self) -> NodeRecord {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        NodeRecord {
            node: NodeName::new(&format!("h{number}")).expect("a plain word is a name"),
            host_name: format!("h{number}.lab.test"),
            addresses: vec![format!("10.3.{}.{}", number / 250, number % 250).parse().expect("an address")],
            rack: Some(RackName::new("r1").expect("a plain word is a name")),
            identity: Identity {
                serial: Some(format!("00{number}")),
                model: Some("a \"b\": #c".to_owned()),
                ..Identity::default()
            },
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
}

async fn the_step_records_a_node_and_mends_a_change_made_by_hand(rig: &Rig) -> Result<(), Failure> {
    let file = std::env::temp_dir().join(format!("dip-opsmgmt-token-{}", std::process::id()));
    std::fs::write(&file, rig.server.token)?;
    let mut of_service = serde_json::to_value(settings(rig.server.url()))?;
    of_service["token"] = json!(format!("file:{}", file.display()));
    let site = step::site(&us(), "nautobot", of_service, &["10.2.0.11"])?;
    let connected = step::connect(&site);
    std::fs::remove_file(&file)?;
    let (providers, record) = connected?;
    step::bring_about(&record, &providers, "").await?;
    let node = NodeName::new("n1")?;
    let device = rig.device(&node).await?;
    is("the serial number", device["serial"].as_str().unwrap_or_default(), "007")?;
    let path = format!("dcim/devices/{}/", device["id"].as_str().unwrap_or_default());
    rig.ask(Method::PATCH, &path, Some(json!({"serial": "008"}))).await?;
    step::bring_about(&record, &providers, "").await?;
    is("the serial number", rig.device(&node).await?["serial"].as_str().unwrap_or_default(), "007")
}

async fn what_dip_wrote_over_is_put_back_and_all_else_is_left_alone(rig: &Rig) -> Result<(), Failure> {
    let (wanted, foreign) = (rig.fresh(), rig.fresh());
    rig.typed(&wanted.node, json!({"serial": "typed"})).await?;
    let typed = rig.device(&wanted.node).await?;
    let bystander = rig.typed(&foreign.node, json!({"serial": "theirs", "custom_fields": {"dip": foreign}})).await?;
    let bystander_path = format!("dcim/devices/{}/", bystander["id"].as_str().unwrap_or_default());
    let before = rig.ask(Method::GET, &bystander_path, None).await?;
    rig.provider.write(&wanted, &us()).await?;
    let ours = rig.device(&wanted.node).await?;
    is(
        "the serial number",
        ours["serial"].as_str().unwrap_or_default(),
        wanted.identity.serial.as_deref().unwrap_or_default(),
    )?;
    refused(rig.provider.write(&foreign, &us()).await, ErrorKind::Conflict, "nobody's mark")?;
    rig.provider.remove(&wanted.node, &us()).await?;
    // All of it is as it was, but for the moment of its last change.
    let still = |mut device: Value| {
        device["last_updated"] = Value::Null;
        device["custom_fields"]["dip"] = Value::Null;
        device.to_string()
    };
    is("the device", &still(rig.device(&wanted.node).await?), &still(typed))?;
    let after = rig.ask(Method::GET, &bystander_path, None).await?;
    is("the device of somebody else", &after.to_string(), &before.to_string())
}

async fn a_rate_limit_is_waited_for(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let wanted = rig.fresh();
    way.next([Fault::Instead("429 Too Many Requests\r\nRetry-After: 1"), Fault::Instead("503 Service Unavailable")]);
    let began = Instant::now();
    provider.write(&wanted, &us()).await?;
    is("that it waited", &(began.elapsed() >= Duration::from_secs(1)).to_string(), "true")?;
    is("the node", rig.device(&wanted.node).await?["name"].as_str().unwrap_or_default(), wanted.node.as_str())
}

async fn a_server_that_stays_busy_is_told(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    way.next([Fault::Instead("429 Too Many Requests\r\nRetry-After: 600")]);
    // So long nobody waits here: the engine does.
    refused(provider.list().await, ErrorKind::Busy, "it limits how often it is asked")?;
    way.next((0..4).map(|_| Fault::Instead("503 Service Unavailable")));
    refused(provider.list().await, ErrorKind::Busy, "answered 503")
}

async fn a_device_whose_making_was_not_answered_is_made_once(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let wanted = rig.fresh();
    // The question whether it is there goes well; the order to make it is carried out, and its answer is lost.
    way.next([Fault::Rewritten(str::to_owned), Fault::Lost]);
    provider.write(&wanted, &us()).await?;
    let found = rig.ask(Method::GET, &format!("dcim/devices/?name={}", wanted.node), None).await?;
    is("the number of its devices", &found["count"].to_string(), "1")?;
    // The same for a change.
    let changed = NodeRecord { rack: None, ..wanted };
    way.next([Fault::Rewritten(str::to_owned), Fault::Rewritten(str::to_owned), Fault::Lost]);
    provider.write(&changed, &us()).await?;
    let held = provider.read(&changed.node).await?.ok_or("it is gone")?;
    is("its rack", &format!("{:?}", held.record.rack), "None")
}

async fn a_list_that_is_cut_off_is_asked_for_again(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let wanted = rig.fresh();
    rig.provider.write(&wanted, &them()).await?;
    way.next([Fault::Cut(100), Fault::Lost]);
    let held = provider.read(&wanted.node).await?.ok_or("it is gone")?;
    is("the node", held.record.node.as_str(), wanted.node.as_str())
}

async fn a_list_that_lacks_devices_is_refused(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let wanted = rig.fresh();
    rig.provider.write(&wanted, &us()).await?;
    // What a broken cache or a filter of a proxy answers: a count, and fewer rows.
    let short = |body: &str| {
        let mut page: Value = serde_json::from_str(body).unwrap_or_default();
        (page["results"], page["next"]) = (json!([]), Value::Null);
        page.to_string()
    };
    way.next((0..3).map(|_| Fault::Rewritten(short)));
    refused(provider.read(&wanted.node).await, ErrorKind::Busy, "the server counts 1 and gave 0")?;
    way.next([Fault::Rewritten(|_| "<html>maintenance</html>".to_owned())]);
    refused(provider.read(&wanted.node).await, ErrorKind::Unexpected, "is not JSON")?;
    way.next([Fault::Rewritten(|_| "{\"results\": []}".to_owned())]);
    refused(provider.read(&wanted.node).await, ErrorKind::Unexpected, "no page of a list")
}

async fn a_user_without_rights_is_denied(rig: &Rig) -> Result<(), Failure> {
    let provider = Rig::provider(settings(rig.server.url()), rig.server.powerless_token)?;
    let wanted = rig.fresh();
    refused(provider.write(&wanted, &us()).await, ErrorKind::Denied, "what its user may do")?;
    refused(provider.list().await, ErrorKind::Denied, "permission")
}

async fn a_custom_field_that_nobody_made_is_told_and_no_device_is_left(rig: &Rig) -> Result<(), Failure> {
    let without = NetboxSettings { field: "nobody_made_it".to_owned(), ..settings(rig.server.url()) };
    let provider = Rig::provider(without, rig.server.token)?;
    let wanted = rig.fresh();
    refused(provider.write(&wanted, &us()).await, ErrorKind::Invalid, "make it there, of the type JSON")?;
    let found = rig.ask(Method::GET, &format!("dcim/devices/?name={}", wanted.node), None).await?;
    is("the number of its devices", &found["count"].to_string(), "0")
}

async fn the_address_book_tells_whose_device_has_an_address(rig: &Rig) -> Result<(), Failure> {
    let device = rig.typed(&rig.fresh().node, json!({})).await?;
    let nic = json!({"device": device["id"], "name": "eth0", "type": "other", "status": {"name": "Active"}});
    let nic = rig.ask(Method::POST, "dcim/interfaces/", Some(nic)).await?;
    let prefix = json!({"prefix": "10.77.0.0/24", "status": {"name": "Active"}, "namespace": {"name": "Global"}});
    rig.ask(Method::POST, "ipam/prefixes/", Some(prefix)).await?;
    let address = |text: &str| json!({"address": text, "status": {"name": "Active"}, "namespace": {"name": "Global"}});
    let held = rig.ask(Method::POST, "ipam/ip-addresses/", Some(address("10.77.0.5/24"))).await?;
    rig.ask(Method::POST, "ipam/ip-addresses/", Some(address("10.77.0.6/24"))).await?;
    let bound = json!({"ip_address": held["id"], "interface": nic["id"]});
    rig.ask(Method::POST, "ipam/ip-address-to-interface/", Some(bound)).await?;
    let ours = NodeRecord { addresses: vec!["10.77.0.7".parse()?], ..rig.fresh() };
    rig.provider.write(&ours, &us()).await?;
    let book: &dyn Ipam = &*rig.provider;
    let asked = ["10.77.0.5", "10.77.0.6", "10.77.0.7", "10.77.0.8"].map(|text| text.parse().expect("an address"));
    let told = book.holders(&asked).await?;
    let told: Vec<String> = told.iter().map(|(_, holder)| holder.record.clone()).collect();
    is(
        "what is told first",
        &told[0],
        &format!("the address 10.77.0.5 ({}) in nautobot", device["name"].as_str().unwrap_or_default()),
    )?;
    is("what is told next", &told[1], "the address 10.77.0.6 in nautobot")?;
    is("how many are told", &told.len().to_string(), "2")?;
    Ok(())
}

async fn the_stock_is_racks_and_nodes_with_their_cables_and_addresses(rig: &Rig) -> Result<(), Failure> {
    let rack = json!({"name": "r9", "location": {"name": "lab"}, "status": {"name": "Active"}});
    rig.ask(Method::POST, "dcim/racks/", Some(rack)).await?;
    let (node, switch) = (NodeName::new("r9-n1")?, NodeName::new("sw9")?);
    let place = json!({"rack": {"name": "r9"}, "position": 3, "face": "front", "serial": "R9-1"});
    let device = rig.typed(&node, place).await?;
    let nic = |of: &Value, name: &str, mac: Option<&str>| json!({"device": of["id"], "name": name, "type": "1000base-t", "status": {"name": "Active"}, "mac_address": mac});
    let eth0 = nic(&device, "eth0", Some("52:54:00:00:09:01"));
    let eth0 = rig.ask(Method::POST, "dcim/interfaces/", Some(eth0)).await?;
    let port = nic(&rig.typed(&switch, json!({})).await?, "p7", None);
    let port = rig.ask(Method::POST, "dcim/interfaces/", Some(port)).await?;
    let cable = json!({
        "termination_a_type": "dcim.interface", "termination_a_id": eth0["id"], "status": {"name": "Connected"},
        "termination_b_type": "dcim.interface", "termination_b_id": port["id"],
    });
    rig.ask(Method::POST, "dcim/cables/", Some(cable)).await?;
    let prefix = json!({"prefix": "10.79.0.0/24", "status": {"name": "Active"}, "namespace": {"name": "Global"}});
    rig.ask(Method::POST, "ipam/prefixes/", Some(prefix)).await?;
    let address = json!({"address": "10.79.0.9/24", "status": {"name": "Active"}, "namespace": {"name": "Global"}});
    let address = rig.ask(Method::POST, "ipam/ip-addresses/", Some(address)).await?;
    let bound = json!({"ip_address": address["id"], "interface": eth0["id"]});
    rig.ask(Method::POST, "ipam/ip-address-to-interface/", Some(bound)).await?;
    // Other trials add and remove devices meanwhile: then a list is told as not whole, and asked for again.
    let mut tries = 0;
    let stock = loop {
        tries += 1;
        match rig.provider.stock().await {
            Err(error) if error.kind() == ErrorKind::Busy && tries < 20 => {}
            other => break other?,
        }
    };
    let says = |name: &str| stock.iter().find(|item| item.name == name).map(|item| json!({&item.record: item.says}));
    let wanted = json!({"nautobot device r9-n1": {
        "rack": "r9", "position": 3, "serial": "R9-1",
        "nics": {"eth0": {"mac": "52:54:00:00:09:01", "addresses": ["10.79.0.9"], "link": "sw9/p7"}},
    }});
    is("the node", &says("r9-n1").unwrap_or_default().to_string(), &wanted.to_string())?;
    is("the rack", &says("r9").unwrap_or_default().to_string(), &json!({"nautobot rack r9": {}}).to_string())
}
