//! A good site file becomes a site.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Instant;

use dip_core::id::LayerId;
use dip_core::site::{Chosen, Format, Lock, NodeState, Site};
use serde_json::json;

use crate::rules::{WHOLE, parse, parse_all, parse_locked, settings};

fn whole() -> Site {
    parse(WHOLE).unwrap_or_else(|faults| panic!("{faults}")).site
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn ranges_make_nodes_with_reckoned_values() {
    let site = whole();
    assert_eq!(site.nodes.len(), 20);
    let node = &site.nodes["r2-n07"];
    assert_eq!(node.serial.as_deref(), Some("S0032"));
    assert_eq!(node.rack.as_ref().map(ToString::to_string).as_deref(), Some("r2"));
    assert_eq!(node.bmc.as_ref().map(|bmc| bmc.address.as_str()), Some("10.9.2.7"));
    assert_eq!(node.nics["eth0"].mac.map(|mac| mac.to_string()).as_deref(), Some("52:54:00:00:02:07"));
    assert_eq!(node.nics["eth1"].addresses[0].address, ip("10.9.2.107"));
    assert_eq!(node.outlets[0].to_string(), "pdu2/7");
    assert_eq!(site.host_name(node), "r2-n07.prod.lab1.example");
}

#[test]
fn an_exception_for_one_node_merges_over_its_range() {
    let node = &whole().nodes["r1-n03"];
    assert_eq!(node.state, NodeState::Maintenance);
    assert_eq!(node.serial.as_deref(), Some("S0003"));
    let profiles: Vec<_> = node.profiles.iter().map(ToString::to_string).collect();
    assert_eq!(profiles, ["storage", "base"]);
}

#[test]
fn the_nearest_profile_wins_and_every_value_knows_its_origin() {
    let site = whole();
    let settings = &site.nodes["r1-n03"].settings;
    let sysctl = json!({"vm.swappiness": "1", "kernel.panic": "007", "net.core.somaxconn": "4096"});
    assert_eq!(settings.layers[&LayerId::Os]["sysctl"], sysctl);
    let origin = |path: &str| settings.origin(path).map(ToString::to_string).unwrap_or_default();
    assert_eq!(origin("os.sysctl.vm.swappiness"), "site.yaml:35:85 (profile `storage`)");
    assert_eq!(origin("os.sysctl.kernel.panic"), "site.yaml:33:86 (profile `base`)");
    assert_eq!(origin("os.sysctl.net.core.somaxconn"), "site.yaml:48:84");
}

#[test]
fn values_have_the_type_that_is_asked_and_paths_start_at_their_file() {
    let site = whole();
    let dhcp = &site.services["dhcp"].driver;
    assert_eq!(dhcp.settings, json!({"hosts_directory": "/etc/dip/dnsmasq/hosts.d", "networks": ["prod"]}));
    let switch = site.switches["sw1"].driver.as_ref().expect("it has a kind");
    assert_eq!(switch.settings, json!({"address": "tcp:10.0.9.1:6640"}), "the fields of core are not the layer's");
    assert_eq!(site.switches["sw2"].driver, None);
    assert_eq!(site.switches["sw1"].ports.len(), 48);
    let bmc = site.nodes["r1-n01"].bmc.as_ref().expect("it has a BMC");
    assert_eq!(bmc.protocols[0].settings, json!({"port": 8443}));
    assert_eq!(site.nodes["r1-n01"].settings.layers[&LayerId::Os]["ssh"]["key"], "file:/etc/dip/secrets/ssh_key");
    let members: Vec<_> = site.clusters["store"].members["member"].iter().map(ToString::to_string).collect();
    assert_eq!(members, ["r1-n01", "r1-n02", "r2-n01"]);
}

#[test]
fn addresses_are_chosen_in_the_order_of_names_without_router_and_network() {
    let site = whole();
    let addresses = |node: &str| {
        let nic = &site.nodes[node].nics["eth0"];
        nic.addresses.iter().map(|address| (address.address.to_string(), address.chosen)).collect::<Vec<_>>()
    };
    let chosen = |v4: &str, v6: &str| vec![(v4.to_owned(), Chosen::Range), (v6.to_owned(), Chosen::Range)];
    // 10.0.1.0 is the network and 10.0.1.1 the router.
    assert_eq!(addresses("r1-n01"), chosen("10.0.1.2", "fd00:1::1000"));
    assert_eq!(addresses("r1-n02"), chosen("10.0.1.3", "fd00:1::1001"));
    assert_eq!(addresses("r2-n01"), chosen("10.0.2.100", "fd00:1::100a"));
}

#[test]
fn a_further_node_moves_nobody() {
    let first = parse(WHOLE).expect("a good file");
    let more = WHOLE.replace(
        "  r1-n03: {",
        "  a-new-one: {rack: r1, nics: {e: {mac: \"52:54:00:09:00:01\", network: prod}}}\n  r1-n03: {",
    );
    let second = parse_locked(&[("site.yaml", Format::Yaml, &more)], &first.lock).expect("a good file");
    for (name, node) in &first.site.nodes {
        assert_eq!(node.nics["eth0"].addresses, second.site.nodes[name].nics["eth0"].addresses, "{name}");
    }
    let new = &second.site.nodes["a-new-one"].nics["e"];
    assert_eq!(new.addresses[0].address, ip("10.0.1.12"));
}

#[test]
fn a_node_that_comes_back_gets_its_address_again() {
    let all = parse(WHOLE).expect("a good file");
    let fewer = WHOLE.replace("n{n:01..10}", "n{n:04..10}").replace("[\"r1-n{01..02}\", r2-n01]", "[r1-n04]");
    let fewer = fewer.replace("  r1-n03: {state: maintenance", "  r1-n04: {state: maintenance");
    let without = parse_locked(&[("site.yaml", Format::Yaml, &fewer)], &all.lock).expect("a good file");
    assert_eq!(without.lock, all.lock, "the lock keeps what vanished");
    let again = parse_locked(&[("site.yaml", Format::Yaml, WHOLE)], &without.lock).expect("a good file");
    assert_eq!(again.site, all.site);
}

#[test]
fn addresses_of_vanished_nodes_are_taken_when_nothing_else_is_left() {
    let file = |nodes: &str| {
        format!(
            "version: 1\nsite: s\nnetworks: {{a: {{prefixes: [{{prefix: 10.0.0.0/24, ranges: [10.0.0.1-10.0.0.2]}}]}}}}\nnodes:\n{nodes}"
        )
    };
    let node =
        |name: &str, mac: u8| format!("  {name}: {{nics: {{e: {{mac: \"52:54:00:00:00:{mac:02x}\", network: a}}}}}}\n");
    let first = parse(&file(&(node("n1", 1) + &node("n2", 2)))).expect("a good file");
    let second = file(&(node("n2", 2) + &node("n3", 3)));
    let second = parse_locked(&[("site.yaml", Format::Yaml, &second)], &first.lock).expect("a good file");
    assert_eq!(second.site.nodes["n2"].address(), first.site.nodes["n2"].address());
    assert_eq!(second.site.nodes["n3"].address(), first.site.nodes["n1"].address());
    assert!(!second.lock.addresses.contains_key("n1/e/a"));
}

#[test]
fn overlays_merge_replace_and_remove() {
    let over = "domain: other.example\nnodes:\n  r1-n05: null\n  r2-n05: {serial: X}\nprofiles:\n  base: {os: {sysctl: {kernel.panic: null}}}\nclusters: null\n";
    let site = parse_all(&[("site.yaml", Format::Yaml, WHOLE), ("over.yaml", Format::Yaml, over)])
        .unwrap_or_else(|faults| panic!("{faults}"))
        .site;
    assert_eq!(site.domain.as_deref(), Some("other.example"));
    assert!(!site.nodes.contains_key("r1-n05"));
    assert_eq!(site.nodes["r2-n05"].serial.as_deref(), Some("X"));
    assert_eq!(site.nodes["r2-n05"].settings.layers[&LayerId::Os]["sysctl"], json!({"vm.swappiness": "10"}));
    assert!(site.clusters.is_empty());
}

#[test]
fn toml_and_json_say_the_same_as_yaml() {
    let yaml = "version: 1\nsite: s\nracks: {r1: {row: \"7\"}}\npdus: {p: {rack: r1, outlets: 8}}\nnodes: {n1: {rack: r1, os: {firewall: true, packages: [a, b]}}}\n";
    let toml = "version = 1\nsite = 's'\n[racks.r1]\nrow = '7'\n[pdus.p]\nrack = 'r1'\noutlets = 0x8\n[nodes.n1]\nrack = 'r1'\nos = {firewall = true, packages = ['a', 'b']}\n";
    let json = "{\"version\": 1, \"site\": \"s\",\n\t\"racks\": {\"r1\": {\"row\": \"7\"}},\n\t\"pdus\": {\"p\": {\"rack\": \"r1\", \"outlets\": 8}},\n\t\"nodes\": {\"n1\": {\"rack\": \"r1\", \"os\": {\"firewall\": true, \"packages\": [\"a\", \"b\"]}}}}";
    let plain = |name, format, text| {
        let site = parse_all(&[(name, format, text)]).unwrap_or_else(|faults| panic!("{faults}")).site;
        let mut site = serde_json::to_value(site).expect("plain data");
        forget_origins(&mut site);
        site
    };
    let wanted = plain("s.yaml", Format::Yaml, yaml);
    assert_eq!(plain("s.toml", Format::Toml, toml), wanted);
    assert_eq!(plain("s.json", Format::Json, json), wanted);
}

fn forget_origins(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            object.remove("origin");
            object.remove("origins");
            object.values_mut().for_each(forget_origins);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_origins),
        _ => {}
    }
}

#[test]
fn a_site_is_loaded_from_files_with_its_lock() {
    let directory = std::env::temp_dir().join(format!("dip-site-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let base = directory.join("site.yaml");
    std::fs::write(&base, WHOLE).expect("written");
    let loaded = Site::load(std::slice::from_ref(&base), &settings()).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(loaded.lock_changed);
    loaded.lock.write(&loaded.lock_path).expect("written");
    let again = Site::load(std::slice::from_ref(&base), &settings()).expect("as before");
    assert!(!again.lock_changed);
    assert_eq!(again.site, loaded.site);
    let key = again.site.nodes["r1-n01"].settings.layers[&LayerId::Os]["ssh"]["key"].clone();
    assert_eq!(key, json!(format!("file:{}", directory.join("secrets/ssh_key").display())));

    let missing = Site::load(&[base, directory.join("no.yaml"), directory.join("no.txt")], &settings());
    let faults = missing.expect_err("two files cannot be read").0;
    assert_eq!(faults.len(), 2);
    assert!(faults[0].message.contains("no.yaml` cannot be read: No such file"), "{}", faults[0]);
    assert!(faults[1].message.contains("no known extension"), "{}", faults[1]);
    std::fs::write(&loaded.lock_path, "{").expect("written");
    let damaged = Site::load(&[directory.join("site.yaml")], &settings()).expect_err("the lock is damaged");
    assert!(damaged.to_string().contains("is damaged; restore it"), "{damaged}");
    std::fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn ten_thousand_nodes_are_read_in_linear_time() {
    let site = |racks: u32| {
        let mut text = String::from(
            "version: 1\nsite: big\ndomain: big.example\nprofiles: {base: {os: {sysctl: {a: 1, b: 2}, packages: [x, y]}}}\nracks:\n",
        );
        for rack in 1..=racks {
            writeln!(text, "  r{rack}: {{}}").expect("a string");
        }
        text.push_str(
            "networks: {prod: {prefixes: [{prefix: 10.0.0.0/8, ranges: [10.0.0.10-10.9.255.255]}]}}\nnodes:\n",
        );
        let nic = "{link: \"sw/p{r}-{n}\", network: prod}";
        writeln!(text, "  r{{r:1..{racks}}}-n{{n:01..25}}: {{rack: \"r{{r}}\", profile: base, nics: {{e: {nic}}}}}")
            .expect("a string");
        text + "switches: {sw: {}}\n"
    };
    let time = |racks: u32| {
        let text = site(racks);
        let start = Instant::now();
        let site = parse(&text).unwrap_or_else(|faults| panic!("{faults}")).site;
        assert_eq!(site.nodes.len(), racks as usize * 25);
        start.elapsed()
    };
    time(4);
    let (small, large) = (time(40), time(400));
    // Ten times the nodes; the bound is wide because other programs run beside this one.
    assert!(large < small * 40, "1,000 nodes take {small:?} and 10,000 take {large:?}");
}

#[test]
fn the_default_lock_is_empty() {
    assert!(Lock::default().addresses.is_empty());
}

#[test]
fn the_example_of_the_user_page_is_right() {
    let page = include_str!("../../../docs/site-file.md");
    let (_, example) = page.split_once("```yaml\n").expect("it has an example");
    let (example, _) = example.split_once("```").expect("the example ends");
    let site = parse(example).unwrap_or_else(|faults| panic!("{faults}")).site;
    assert_eq!(site.nodes.len(), 20);
    assert_eq!(site.nodes["r2-n10"].serial.as_deref(), Some("S0020"));
}
