//! Racks and nodes from a CMDB: who wins, what is told of a value from there, and what is never taken for an answer.

use std::path::PathBuf;

use dip_core::provider::{StockItem, StockSection};
use dip_core::site::{Definition, Faults, Loaded, Site, stock_as_yaml};
use serde_json::{Value, json};

use crate::rules::settings;

const SITE: &str = "\
version: 1
site: lab
inventory: {service: cmdb, prefer: [serial]}
services: {cmdb: {kind: ntp, servers: [10.0.0.1]}}
networks: {prod: {prefixes: [{prefix: 10.0.1.0/24}]}}
racks: {r1: }
nodes:
  n{n:1..2}: {rack: r1, serial: typed}
";

fn item(section: StockSection, name: &str, says: &Value) -> StockItem {
    let says = says.as_object().cloned().unwrap_or_default();
    StockItem { section, name: name.to_owned(), record: format!("nautobot device {name}"), says, left_out: Vec::new() }
}

fn nodes(all: &[(&str, Value)]) -> Vec<StockItem> {
    all.iter().map(|(name, says)| item(StockSection::Nodes, name, says)).collect()
}

fn load(text: &str, stock: Option<Vec<StockItem>>) -> Result<Loaded, Faults> {
    load_over(text, None, stock)
}

fn load_over(text: &str, overlay: Option<&str>, stock: Option<Vec<StockItem>>) -> Result<Loaded, Faults> {
    static COUNTER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("dip-stock-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for the test");
    let sheets = [("site.yaml", Some(text)), ("overlay.yaml", overlay)];
    let files = sheets.into_iter().filter_map(|(name, text)| {
        let file: PathBuf = directory.join(name);
        std::fs::write(&file, text?).expect("a file for the test");
        Some(file)
    });
    let loaded = Definition { files: files.collect(), stock, ..Definition::default() }.load(&settings());
    std::fs::remove_dir_all(&directory).expect("it is there");
    loaded
}

fn told(text: &str, stock: Option<Vec<StockItem>>) -> String {
    load(text, stock).expect_err("it is a fault").to_string()
}

#[test]
fn the_file_wins_but_for_what_is_preferred_from_the_cmdb() {
    let nic = json!({"eth0": {"mac": "52:54:00:00:00:01", "addresses": ["10.0.1.7"]}});
    let mut stock = vec![item(StockSection::Racks, "r2", &json!({"row": "A"}))];
    stock.extend(nodes(&[("n1", json!({"rack": "r2", "serial": "A1", "nics": nic})), ("n3", json!({"rack": "r2"}))]));
    let site = load(SITE, Some(stock)).unwrap_or_else(|faults| panic!("{faults}")).site;
    let node = |name: &str| site.nodes.values().find(|node| node.name.as_str() == name).expect("it is there");
    let rack = |name: &str| node(name).rack.as_ref().map(ToString::to_string);
    assert_eq!(rack("n1").as_deref(), Some("r1"), "the range of the file wins");
    assert_eq!(node("n1").serial.as_deref(), Some("A1"), "the serial number is preferred from the CMDB");
    assert_eq!(node("n2").serial.as_deref(), Some("typed"), "the CMDB does not know it");
    assert_eq!(rack("n3").as_deref(), Some("r2"), "a node that the file does not name comes along");
    let nic = node("n1").nics.values().next().expect("it has one");
    assert_eq!(nic.network.as_ref().map(ToString::to_string).as_deref(), Some("prod"), "found by its address");
    let origin = nic.origin.as_ref().expect("it comes from somewhere");
    assert_eq!(&*origin.file, "nautobot device n1");
}

#[test]
fn an_empty_node_gets_what_the_cmdb_says_and_a_removed_one_stays_out() {
    let with_empty = SITE.replace("  n{n:1..2}: {rack: r1, serial: typed}\n", "  n1:\n  n2: {}\n");
    let stock = nodes(&[("n1", json!({"serial": "A1"})), ("n2", json!({"serial": "A2"}))]);
    let serials = |site: &Site| -> Vec<String> {
        site.nodes.values().map(|node| format!("{} {}", node.name, node.serial.as_deref().unwrap_or("-"))).collect()
    };
    let site = load(&with_empty, Some(stock.clone())).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert_eq!(serials(&site), ["n1 A1", "n2 A2"]);
    let overlay = "nodes:\n  n1:\n";
    let site = load_over(&with_empty, Some(overlay), Some(stock)).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert_eq!(serials(&site), ["n2 A2"], "in an overlay, an empty value removes");
}

#[test]
fn a_fault_names_the_record_that_it_comes_from() {
    let text = told(SITE, Some(nodes(&[("n1", json!({"nics": {"eth0": {"mac": "52:54"}}}))])));
    assert!(text.contains("--> nautobot device n1:4:"), "{text}");
    assert!(text.contains("\"mac\": \"52:54\""), "the excerpt is what the record says: {text}");
}

#[test]
fn values_of_a_cmdb_are_texts_and_nothing_is_put_into_them() {
    let loaded = load(SITE, Some(nodes(&[("n1", json!({"serial": "${ring} {n}"}))])))
        .unwrap_or_else(|faults| panic!("{faults}"));
    let serials: Vec<_> = loaded.site.nodes.values().filter_map(|node| node.serial.as_deref()).collect();
    assert_eq!(serials, ["${ring} {n}", "typed"]);
}

#[test]
fn an_empty_answer_and_none_at_all_are_refused() {
    let empty = told(SITE, Some(Vec::new()));
    assert!(empty.contains("the CMDB that the site takes its nodes from has none"), "{empty}");
    let nobody_asked = told(SITE, None);
    assert!(nobody_asked.contains("nobody asked that"), "{nobody_asked}");
}

#[test]
fn an_import_is_a_site_file_that_says_where_each_thing_comes_from() {
    let mut n1 = nodes(&[("n1", json!({"rack": "r1", "nics": {"eth0": {"mac": "52:54:00:00:00:01"}}}))]).remove(0);
    n1.left_out.push("its position 3.5,\nwhich is no whole unit".to_owned());
    let items = [item(StockSection::Racks, "r1", &json!({})), n1];
    let text = stock_as_yaml(&Site::new("lab".parse().expect("a name")), &items);
    let wanted = "\
version: 1
site: \"lab\"

racks:
  # nautobot device r1
  r1: {}

nodes:
  # nautobot device n1
  # not taken: its position 3.5, which is no whole unit
  n1:
    nics:
      eth0: {\"mac\":\"52:54:00:00:00:01\"}
    rack: \"r1\"
";
    assert_eq!(text, wanted);
    let site = load(&text, None).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert_eq!((site.racks.len(), site.nodes.len()), (1, 1));
}

#[test]
fn networks_come_before_the_interfaces_that_are_in_them_and_the_file_wins() {
    let storage = json!({"vlan": 30, "prefixes": [{"prefix": "10.0.3.0/24"}]});
    let prod = json!({"vlan": 10, "prefixes": [{"prefix": "10.9.0.0/16"}]});
    let nic = json!({"eth1": {"mac": "52:54:00:00:00:01", "addresses": ["10.0.3.7"]}});
    let mut stock = nodes(&[("n1", json!({"serial": "A1", "nics": nic}))]);
    stock.extend([("storage", storage), ("prod", prod)].map(|(name, says)| item(StockSection::Networks, name, &says)));
    let site = load(SITE, Some(stock)).unwrap_or_else(|faults| panic!("{faults}")).site;
    let network =
        |name: &str| site.networks.values().find(|network| network.name.as_str() == name).expect("it is there");
    assert_eq!(network("storage").prefixes[0].prefix.to_string(), "10.0.3.0/24");
    assert_eq!(network("prod").prefixes[0].prefix.to_string(), "10.0.1.0/24", "what the file says of it wins");
    assert_eq!(network("prod").vlan.map(u16::from), Some(10), "what it does not say comes along");
    let nic = site.nodes.values().flat_map(|node| node.nics.values()).next().expect("it has one");
    assert_eq!(nic.network.as_ref().map(ToString::to_string).as_deref(), Some("storage"));
}

#[test]
fn a_bmc_comes_along_where_the_site_says_who_may_log_in_there() {
    let bmc_at = |serial: &str, address: &str| json!({"serial": serial, "bmc": {"address": address}});
    let stock = || Some(nodes(&[("n1", bmc_at("A1", "10.0.9.1")), ("n2", bmc_at("A2", "10.0.9.2"))]));
    let site = load(SITE, stock()).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert!(site.nodes.values().all(|node| node.bmc.is_none()), "nothing is said of BMCs");
    let preferred = SITE.replace("prefer: [serial]", "prefer: [serial, bmc]");
    let site = load(&preferred, stock()).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert!(site.nodes.values().all(|node| node.bmc.is_none()), "to prefer what the CMDB says is no login");
    let profiles = "profiles:\n  any: {bmc: {user: u, password: \"env:X\", protocols: [{kind: ipmi}]}}\n  server: {inherits: [any]}\n";
    let with = SITE.replace("racks:", &format!("{profiles}racks:")).replace("serial: typed", "profile: server");
    let site = load(&with, stock()).unwrap_or_else(|faults| panic!("{faults}"));
    let bmc = site.site.nodes.values().find_map(|node| node.bmc.as_ref()).expect("it has one");
    assert_eq!((bmc.address.as_str(), bmc.user.as_str()), ("10.0.9.1", "u"));
}

#[test]
fn a_prefix_of_a_service_is_one_range_of_which_the_service_knows_the_rest() {
    let from = "networks: {prod: {prefixes: [{prefix: 10.0.1.0/30, from: cmdb}]}}";
    let text = SITE
        .replace("networks: {prod: {prefixes: [{prefix: 10.0.1.0/24}]}}", from)
        .replace("serial: typed", "nics: {eth0: {network: prod, mac: \"52:54:00:00:00:0{n}\"}}");
    let nodes = nodes(&[("n1", json!({"serial": "A1"}))]);
    let site = load(&text, Some(nodes)).unwrap_or_else(|faults| panic!("{faults}")).site;
    let chosen: Vec<_> =
        site.nodes.values().flat_map(dip_core::site::Node::addresses).map(|it| it.address.to_string()).collect();
    assert_eq!(chosen, ["10.0.1.1", "10.0.1.2"]);
}
