//! What Nautobot and NetBox are tried by beside the list of [`Cmdb`](dip_opsmgmt::provider::Cmdb), also over a way on which answers are lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::conformance::expect::{ignored, refused, them, us};
use dip_core::conformance::{Failure, IpamHarness, PoolHarness, Trial, Verdict, ipam, pool, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::id::{NicName, NodeName};
use dip_core::provider::{ErrorKind, Inventory, Ipam};
use dip_opsmgmt::conformance::{self, CmdbHarness, NativeNode};
use dip_opsmgmt::provider::{Cmdb, NicRecord, NodeRecord};
use dip_opsmgmt::providers::netbox::Dialect;
use dip_opsmgmt::settings::{Interfaces, NetboxSettings, Owned};
use ipnetwork::IpNetwork;
use reqwest::Method;
use serde_json::{Value, json};

use crate::faulty_way::Fault;
use crate::rest_rig::{Rig, plain, settings};
use crate::tls_way::TlsWay;
use crate::{is, step};

/// All of them, the lists of `Cmdb`, `Ipam` and `AddressPool` first.
pub(crate) fn all(rig: &Arc<Rig>) -> Vec<Trial> {
    let mut trials = conformance::cmdb(Arc::clone(rig) as Arc<dyn CmdbHarness>);
    trials.extend(ipam(Arc::clone(rig) as Arc<dyn IpamHarness>));
    trials.extend(pool(Arc::clone(rig) as Arc<dyn PoolHarness>));
    trials.extend(trials_of! {rig;
        the_step_records_a_node_and_mends_a_change_made_by_hand
        what_dip_wrote_over_is_put_back_and_all_else_is_left_alone
        a_rate_limit_is_waited_for
        a_server_that_stays_busy_is_told
        a_device_whose_making_was_not_answered_is_made_once
        a_list_that_is_cut_off_is_asked_for_again
        a_list_that_lacks_devices_is_refused
        a_custom_field_that_nobody_made_is_told_and_no_device_is_left
        what_the_site_says_dip_owns_is_written_over_and_put_back
        an_address_whose_making_was_not_answered_is_made_once
        interfaces_are_left_alone_where_the_site_says_so
        the_address_book_tells_whose_device_has_an_address
        the_stock_is_racks_and_nodes_with_their_cables_and_addresses
        a_server_is_trusted_by_roots_or_by_a_pin_and_otherwise_not
        networks_and_bmcs_come_along_where_the_site_asks_for_them
    });
    trials.push({
        let rig = Arc::clone(rig);
        Trial::new(
            "a_user_without_rights_is_denied",
            move || async move { a_user_without_rights_is_denied(&rig).await },
        )
    });
    trials
}

async fn the_step_records_a_node_and_mends_a_change_made_by_hand(rig: &Rig) -> Result<(), Failure> {
    let file = std::env::temp_dir().join(format!("dip-opsmgmt-token-{}", std::process::id()));
    std::fs::write(&file, &rig.token)?;
    let mut of_service = serde_json::to_value(settings(rig.url.clone()))?;
    of_service["token"] = json!(format!("file:{}", file.display()));
    let site = step::site(&us(), rig.dialect.product(), of_service, &["10.3.255.11"])?;
    let connected = step::connect(&site);
    std::fs::remove_file(&file)?;
    let (providers, record) = connected?;
    step::bring_about(&record, &providers, "").await?;
    let node = NodeName::new("n1")?;
    let device = rig.device(&node).await?;
    is("the serial number", device["serial"].as_str().unwrap_or_default(), "007")?;
    let path = format!("dcim/devices/{}/", plain(&device["id"]));
    rig.ask(Method::PATCH, &path, Some(json!({"serial": "008"}))).await?;
    step::bring_about(&record, &providers, "").await?;
    is("the serial number", rig.device(&node).await?["serial"].as_str().unwrap_or_default(), "007")
}

async fn what_dip_wrote_over_is_put_back_and_all_else_is_left_alone(rig: &Rig) -> Result<(), Failure> {
    let (wanted, foreign) = (CmdbHarness::fresh(rig), CmdbHarness::fresh(rig));
    rig.typed(&wanted.node, json!({"serial": "typed"})).await?;
    let typed = rig.device(&wanted.node).await?;
    let bystander = rig.typed(&foreign.node, json!({"serial": "theirs", "custom_fields": {"dip": foreign}})).await?;
    let bystander_path = format!("dcim/devices/{}/", plain(&bystander["id"]));
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
    let wanted = CmdbHarness::fresh(rig);
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
    let wanted = CmdbHarness::fresh(rig);
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
    let wanted = CmdbHarness::fresh(rig);
    rig.provider.write(&wanted, &them()).await?;
    way.next([Fault::Cut(100), Fault::Lost]);
    let held = provider.read(&wanted.node).await?.ok_or("it is gone")?;
    is("the node", held.record.node.as_str(), wanted.node.as_str())
}

async fn a_list_that_lacks_devices_is_refused(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let wanted = CmdbHarness::fresh(rig);
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

async fn a_user_without_rights_is_denied(rig: &Rig) -> Result<Verdict, Failure> {
    let Some(token) = rig.powerless else { return ignored("nobody made a user without rights there") };
    let provider = rig.other(settings(rig.url.clone()), token)?;
    let wanted = CmdbHarness::fresh(rig);
    refused(provider.write(&wanted, &us()).await, ErrorKind::Denied, "what its user may do")?;
    refused(provider.list().await, ErrorKind::Denied, "permission")?;
    Ok(Verdict::Passed)
}

async fn a_custom_field_that_nobody_made_is_told_and_no_device_is_left(rig: &Rig) -> Result<(), Failure> {
    let without = NetboxSettings { field: "nobody_made_it".to_owned(), ..settings(rig.url.clone()) };
    let provider = rig.other(without, &rig.token)?;
    let wanted = CmdbHarness::fresh(rig);
    refused(provider.write(&wanted, &us()).await, ErrorKind::Invalid, "make it there, of the type JSON")?;
    let found = rig.ask(Method::GET, &format!("dcim/devices/?name={}", wanted.node), None).await?;
    is("the number of its devices", &found["count"].to_string(), "0")
}

async fn what_the_site_says_dip_owns_is_written_over_and_put_back(rig: &Rig) -> Result<(), Failure> {
    let owns = vec![Owned::Mac, Owned::Addresses, Owned::PrimaryIp];
    let provider = rig.other(NetboxSettings { owns, ..settings(rig.url.clone()) }, &rig.token)?;
    let mut wanted = CmdbHarness::fresh(rig);
    let typed = CmdbHarness::fresh(rig);
    let address = |of: &NodeRecord| {
        of.addresses.iter().filter_map(|address| IpNetwork::new(*address, 16).ok()).collect::<Vec<_>>()
    };
    let nic = |name: &str, mac: u8, addresses| -> Result<NicRecord, Failure> {
        Ok(NicRecord { name: NicName::new(name)?, mac: Some(MacAddr([2, 9, 9, 9, 9, mac])), addresses })
    };
    // A person says another MAC address, has the address on another interface, and lets another one be the primary one.
    rig.seed_native(&wanted, &nic("eth0", 1, address(&typed))?).await?;
    rig.seed_native(&wanted, &nic("eth1", 2, address(&wanted))?).await?;
    let device = rig.device(&wanted.node).await?;
    let other = rig.ask(Method::GET, &format!("ipam/ip-addresses/?address={}", typed.addresses[0]), None).await?;
    let path = format!("dcim/devices/{}/", plain(&device["id"]));
    rig.ask(Method::PATCH, &path, Some(json!({"primary_ip4": other["results"][0]["id"]}))).await?;
    let before = rig.native(&wanted).await?;
    wanted.nics = vec![nic("eth0", 3, address(&wanted))?];
    refused(rig.provider.write(&wanted, &us()).await, ErrorKind::Conflict, "its primary_ip4")?;
    is("what a person finds", &format!("{:?}", rig.native(&wanted).await?), &format!("{before:?}"))?;
    provider.write(&wanted, &us()).await?;
    is(
        "what is told",
        &format!("{:?}", provider.read(&wanted.node).await?.map(|held| held.record)),
        &format!("{:?}", Some(&wanted)),
    )?;
    let found = rig.native(&wanted).await?.unwrap_or_default();
    is("its primary address", &format!("{:?}", found.primary), &format!("{:?}", wanted.addresses.first()))?;
    // The address was on no interface that the record names, and so is on none afterwards; its MAC address and primary one are back.
    provider.remove(&wanted.node, &us()).await?;
    let after = rig.native(&wanted).await?.unwrap_or_default();
    is("its primary address", &format!("{:?}", after.primary), &format!("{:?}", typed.addresses.first()))?;
    let macs = |of: &NativeNode| of.nics.iter().map(|nic| format!("{:?}", nic.mac)).collect::<Vec<_>>().join(" ");
    is("its MAC addresses", &macs(&after), &macs(&before.unwrap_or_default()))
}

async fn an_address_whose_making_was_not_answered_is_made_once(rig: &Rig) -> Result<(), Failure> {
    let (way, provider) = rig.over_faults().await?;
    let mut wanted = CmdbHarness::fresh(rig);
    let addresses = wanted.addresses.iter().filter_map(|address| IpNetwork::new(*address, 16).ok()).collect();
    wanted.nics = vec![NicRecord { name: NicName::new("eth0")?, mac: None, addresses }];
    // One answer after another is lost, of orders too; the engine asks again until it is done.
    for lost in [5, 6, 7, 4, 5] {
        way.next((0..lost).map(|_| Fault::Rewritten(str::to_owned)).chain([Fault::Lost]));
        let _ = provider.write(&wanted, &us()).await;
    }
    provider.write(&wanted, &us()).await?;
    let native = NativeNode { nics: wanted.nics.clone(), primary: wanted.addresses.first().copied() };
    is("what a person finds", &format!("{:?}", rig.native(&wanted).await?), &format!("{:?}", Some(native)))
}

async fn interfaces_are_left_alone_where_the_site_says_so(rig: &Rig) -> Result<(), Failure> {
    let left = NetboxSettings { interfaces: Interfaces::Leave, ..settings(rig.url.clone()) };
    let provider = rig.other(left, &rig.token)?;
    let mut wanted = CmdbHarness::fresh(rig);
    wanted.nics =
        vec![NicRecord { name: NicName::new("eth0")?, mac: Some(MacAddr([2, 0, 0, 0, 0, 9])), addresses: Vec::new() }];
    provider.write(&wanted, &us()).await?;
    is(
        "what a person finds",
        &format!("{:?}", rig.native(&wanted).await?),
        &format!("{:?}", Some(NativeNode::default())),
    )?;
    is(
        "that dip's field tells it",
        &format!("{:?}", provider.read(&wanted.node).await?.map(|held| held.record)),
        &format!("{:?}", Some(wanted)),
    )
}

async fn the_address_book_tells_whose_device_has_an_address(rig: &Rig) -> Result<(), Failure> {
    let device = rig.typed(&CmdbHarness::fresh(rig).node, json!({})).await?;
    let nic = rig.interface(&device, "eth0", None).await?;
    rig.prefix("10.77.0.0/24").await?;
    rig.address("10.77.0.5/24", Some(&nic)).await?;
    rig.address("10.77.0.6/24", None).await?;
    let ours = NodeRecord { addresses: vec!["10.77.0.7".parse()?], ..CmdbHarness::fresh(rig) };
    rig.provider.write(&ours, &us()).await?;
    let book: &dyn Ipam = &*rig.provider;
    let asked = ["10.77.0.5", "10.77.0.6", "10.77.0.7", "10.77.0.8"].map(|text| text.parse().expect("an address"));
    let told = book.holders(&asked).await?;
    let told: Vec<String> = told.iter().map(|(_, holder)| holder.record.clone()).collect();
    is(
        "what is told first",
        &told[0],
        &format!(
            "the address 10.77.0.5 ({}) in {}",
            device["name"].as_str().unwrap_or_default(),
            rig.dialect.product()
        ),
    )?;
    is("what is told next", &told[1], &format!("the address 10.77.0.6 in {}", rig.dialect.product()))?;
    is("how many are told", &told.len().to_string(), "2")?;
    Ok(())
}

async fn the_stock_is_racks_and_nodes_with_their_cables_and_addresses(rig: &Rig) -> Result<(), Failure> {
    let place = if rig.dialect == Dialect::Nautobot { "location" } else { "site" };
    let rack = json!({"name": "r9", place: {"name": "lab"}, "status": rig.status("Active")});
    let rack = rig.ask(Method::POST, "dcim/racks/", Some(rack)).await?;
    let (node, switch) = (NodeName::new("r9-n1")?, NodeName::new("sw9")?);
    let place = json!({"rack": rack["id"], "position": 3, "face": "front", "serial": "R9-1"});
    let device = rig.typed(&node, place).await?;
    let eth0 = rig.interface(&device, "eth0", Some("52:54:00:00:09:01".parse()?)).await?;
    let port = rig.interface(&rig.typed(&switch, json!({})).await?, "p7", None).await?;
    let cable = match rig.dialect {
        Dialect::Nautobot => json!({
            "termination_a_type": "dcim.interface", "termination_a_id": eth0["id"], "status": {"name": "Connected"},
            "termination_b_type": "dcim.interface", "termination_b_id": port["id"],
        }),
        Dialect::Netbox => json!({
            "a_terminations": [{"object_type": "dcim.interface", "object_id": eth0["id"]}],
            "b_terminations": [{"object_type": "dcim.interface", "object_id": port["id"]}],
        }),
    };
    rig.ask(Method::POST, "dcim/cables/", Some(cable)).await?;
    rig.prefix("10.79.0.0/24").await?;
    rig.address("10.79.0.9/24", Some(&eth0)).await?;
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
    let product = rig.dialect.product();
    let wanted = json!({format!("{product} device r9-n1"): {
        "rack": "r9", "position": 3, "serial": "R9-1",
        "nics": {"eth0": {"mac": "52:54:00:00:09:01", "addresses": ["10.79.0.9"], "link": "sw9/p7"}},
    }});
    is("the node", &says("r9-n1").unwrap_or_default().to_string(), &wanted.to_string())?;
    is("the rack", &says("r9").unwrap_or_default().to_string(), &json!({format!("{product} rack r9"): {}}).to_string())
}

async fn networks_and_bmcs_come_along_where_the_site_asks_for_them(rig: &Rig) -> Result<(), Failure> {
    let vlan = json!({"name": "prod", "vid": 20, "status": rig.status("Active")});
    let vlan = rig.ask(Method::POST, "ipam/vlans/", Some(vlan)).await?;
    let prefix = rig.prefix("10.80.0.0/24").await?;
    let path = format!("ipam/prefixes/{}/", plain(&prefix["id"]));
    rig.ask(Method::PATCH, &path, Some(json!({"vlan": vlan["id"]}))).await?;
    let (by_address, by_mac) = (NodeName::new("b1")?, NodeName::new("b2")?);
    let device = rig.typed(&by_address, json!({})).await?;
    rig.interface(&device, "eth0", Some("52:54:00:00:80:01".parse()?)).await?;
    let bmc = rig.interface(&device, "bmc", Some("52:54:00:00:80:02".parse()?)).await?;
    rig.address("10.80.0.9/24", Some(&bmc)).await?;
    let other = rig.interface(&rig.typed(&by_mac, json!({})).await?, "bmc", Some("52:54:00:00:80:03".parse()?)).await?;
    for interface in [&bmc, &other] {
        let path = format!("dcim/interfaces/{}/", plain(&interface["id"]));
        rig.ask(Method::PATCH, &path, Some(json!({"mgmt_only": true}))).await?;
    }
    let prefixes = Some([("prefix".to_owned(), "10.80.0.0/24".to_owned())].into());
    let provider = rig.other(NetboxSettings { prefixes, ..settings(rig.url.clone()) }, &rig.token)?;
    let stock = provider.stock().await?;
    let says =
        |name: &str| stock.iter().find(|item| item.name == name).map(|item| json!(item.says)).unwrap_or_default();
    is(
        "the network",
        &says("prod").to_string(),
        &json!({"vlan": 20, "prefixes": [{"prefix": "10.80.0.0/24"}]}).to_string(),
    )?;
    let wanted = json!({"nics": {"eth0": {"mac": "52:54:00:00:80:01"}}, "bmc": {"address": "10.80.0.9"}});
    is("the node", &says("b1").to_string(), &wanted.to_string())?;
    is("the other node", &says("b2").to_string(), &json!({"bmc": {"address": "52:54:00:00:80:03"}}).to_string())?;
    if rig.dialect == Dialect::Netbox {
        let found = rig.ask(Method::GET, "ipam/ip-addresses/?address=10.80.0.9", None).await?;
        let address = json!({"oob_ip": found["results"][0]["id"]});
        rig.ask(Method::PATCH, &format!("dcim/devices/{}/", plain(&device["id"])), Some(address)).await?;
        let path = format!("dcim/interfaces/{}/", plain(&bmc["id"]));
        rig.ask(Method::PATCH, &path, Some(json!({"mgmt_only": false}))).await?;
        let stock = provider.stock().await?;
        let node = stock.iter().find(|item| item.name == "b1").map(|item| item.says["bmc"].clone()).unwrap_or_default();
        is("its out-of-band address", &node.to_string(), &json!({"address": "10.80.0.9"}).to_string())?;
    }
    Ok(())
}

async fn a_server_is_trusted_by_roots_or_by_a_pin_and_otherwise_not(rig: &Rig) -> Result<(), Failure> {
    let way = TlsWay::to(rig.addr).await?;
    let file = std::env::temp_dir().join(format!("dip-opsmgmt-{}-{}.pem", rig.dialect.product(), std::process::id()));
    std::fs::write(&file, &way.pem)?;
    let with = |ca_file: Option<&std::path::PathBuf>, pin: Option<String>| NetboxSettings {
        ca_file: ca_file.cloned(),
        tls_fingerprint: pin,
        ..settings(way.url())
    };
    let node = CmdbHarness::fresh(rig).node;
    let read = async |settings| rig.other(settings, &rig.token)?.read(&node).await.map_err(Failure::from);
    is("by the system's roots", &format!("{:?}", read(with(None, None)).await.is_ok()), "false")?;
    let by_roots = read(with(Some(&file), None)).await;
    std::fs::remove_file(&file)?;
    is("by the site's roots", &format!("{:?}", by_roots?), "None")?;
    let colons: Vec<&str> =
        way.fingerprint.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    is("by its pin", &format!("{:?}", read(with(None, Some(colons.join(":").to_uppercase()))).await?), "None")?;
    let provider = rig.other(with(None, Some("0".repeat(64))), &rig.token)?;
    refused(provider.read(&node).await, ErrorKind::Unreachable, &way.fingerprint)?;
    refused(provider.read(&node).await, ErrorKind::Unreachable, "its certificate is not trusted")?;
    let untrusted = rig.other(with(None, None), &rig.token)?;
    refused(untrusted.read(&node).await, ErrorKind::Unreachable, "its certificate is not trusted")?;
    let clear = NetboxSettings { tls_fingerprint: Some("0".repeat(64)), ..settings(rig.url.clone()) };
    is("a pin without TLS", &rig.other(clear, &rig.token).is_err().to_string(), "true")
}
