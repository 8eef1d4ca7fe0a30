//! What interfaces say of their switch ports.

use dip_core::hardware::{VlanId, VlanSet};
use dip_core::site::{AdminState, Cabling, Lacp, Native, NativeFrames, Port, PortVlans, Safety, Site};

use crate::rules::parse;

const HEAD: &str = r#"version: 1
site: s
switches:
  sw1: {kind: openvswitch, address: a, ports: ["p{1..9}"], peer: sw2, cabling: lldp}
  sw2: {kind: openvswitch, address: b}
  sw3: {}
networks: {prod: {vlan: 20}, storage: {vlan: 30}, flat: {}}
nodes:
"#;

fn site(nodes: &str) -> Site {
    parse(&format!("{HEAD}{nodes}")).unwrap_or_else(|faults| panic!("{faults}")).site
}

fn fault(nodes: &str) -> String {
    parse(&format!("{HEAD}{nodes}")).expect_err("it is wrong").to_string()
}

/// An interface `e` of node `n1` at `sw1/p1` in the network `prod`, which says this of its port.
fn port(said: &str) -> String {
    format!("  n1: {{nics: {{e: {{link: sw1/p1, network: prod, port: {{{said}}}}}}}}}\n")
}

fn vlan(number: u16) -> VlanId {
    VlanId::try_from(number).expect("a VLAN id")
}

fn read(said: &str) -> Port {
    site(&port(said)).ports.remove(&"sw1/p1".parse().expect("a port")).expect("its port is said")
}

#[test]
fn a_file_that_says_nothing_of_ports_has_none() {
    assert!(site("  n1: {nics: {e: {link: sw1/p1, network: prod}}}\n").ports.is_empty());
}

#[test]
fn a_trunk_lists_networks_numbers_and_ranges_and_has_the_network_of_its_interface_as_native() {
    let tagged: VlanSet = [30, 300, 310, 311, 312].map(vlan).into_iter().collect();
    assert_eq!(tagged.to_string(), "30 300 310-312");
    let native = Some(Native::from(vlan(20)));
    let trunk = PortVlans::Trunk { native, tagged: tagged.clone() };
    assert_eq!(read("tagged: [storage, 300, 310-312]").vlans, Some(trunk.clone()));
    assert_eq!(read("mode: trunk, tagged: [storage, 300, 310-312]").vlans, Some(trunk));
    let without = PortVlans::Trunk { native: None, tagged: tagged.clone() };
    assert_eq!(read("native: none, tagged: [storage, 300, 310-312]").vlans, Some(without));
    let native = Some(Native { vlan: vlan(5), frames: NativeFrames::Tagged });
    let other = PortVlans::Trunk { native, tagged };
    assert_eq!(read("native: 5, native_frames: tagged, tagged: [storage, 300, 310-312]").vlans, Some(other));
}

#[test]
fn all_else_of_a_port_is_read_and_what_is_not_said_is_left_open() {
    let full = read("mtu: 9000, description: to n1, enabled: true, lag: bond0, lacp: passive, confirm: true");
    assert_eq!(full.vlans, Some(PortVlans::Access(vlan(20))));
    assert_eq!(full.mtu.map(|mtu| mtu.bytes()), Some(9000));
    assert_eq!(full.description.as_deref(), Some("to n1"));
    assert_eq!((full.admin, full.safety), (Some(AdminState::Up), Safety::Confirmed));
    assert_eq!(full.lag.map(|lag| (lag.name, lag.lacp, lag.peer)), Some(("bond0".to_owned(), Lacp::Passive, None)));
    assert_eq!(read("mtu: 1500"), Port { mtu: 1500.try_into().ok(), ..Port::access(vlan(20)) });
}

#[test]
fn an_aggregation_on_both_switches_of_a_pair_is_one() {
    let site = site(
        "  n1:\n    nics:\n      a: {link: sw1/p1, network: prod, port: {lag: po7}}\n      b: {link: sw2/p1, network: prod, port: {lag: po7}}\n  n2: {nics: {a: {link: sw1/p2, network: prod, port: {lag: po8}}}}\n",
    );
    let peers: Vec<_> = site
        .ports
        .iter()
        .map(|(port, wanted)| {
            let peer = wanted.lag.as_ref().and_then(|lag| lag.peer.as_ref());
            format!("{port} {}", peer.map_or("-", |peer| peer.as_str()))
        })
        .collect();
    assert_eq!(peers, ["sw1/p1 sw2", "sw1/p2 -", "sw2/p1 sw1"]);
    let sw2 = &site.switches["sw2"];
    assert_eq!((sw2.peer.as_ref().map(|peer| peer.as_str()), sw2.cabling), (Some("sw1"), Cabling::Unchecked));
    assert_eq!(site.switches["sw1"].cabling, Cabling::Lldp);
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (said, at, told) in [
        ("tagged: [storag]", "storag]", "`storag` is neither a network nor a VLAN"),
        ("tagged: [flat]", "flat]", "the network `flat` has no VLAN"),
        ("tagged: [4095]", "4095", "`4095` is neither a network nor a VLAN"),
        ("tagged: [9-8]", "9-8", "`9-8` is neither a network nor a VLAN"),
        ("tagged: [30, prod]", "prod]", "VLAN 20 is the native VLAN of this port"),
        ("mode: trunk", "mode", "a trunk needs at least one VLAN in `tagged`"),
        ("mode: access, tagged: [30]", "tagged", "an access port has no `tagged`"),
        ("native: 5", "native", "an access port has no `native`"),
        ("native: none, native_frames: tagged, tagged: [30]", "native_frames", "the port has no native VLAN"),
        ("lacp: active", "lacp", "`lacp` says how members of a `lag` find each other"),
        ("mtu: 67", "67", "from 68 to 65535"),
        ("speed: 10", "speed", "unknown key `speed`"),
        ("description: \"a\\nb\"", "\"a", "a port's description is one line"),
    ] {
        let line = port(said);
        let fault = fault(&line);
        let place = format!("site.yaml:9:{}", line.find(at).expect("it stands there") + 1);
        assert!(fault.contains(told), "{said}: {fault}");
        assert!(fault.contains(&place), "{said} is not at {place}: {fault}");
    }
}

#[test]
fn faults_between_ports_are_told() {
    let told = fault("  n1: {nics: {e: {mac: \"52:54:00:00:00:01\", port: {mtu: 9000}}}}\n");
    assert!(told.contains("the interface `e` of node `n1` has no `link`"), "{told}");
    let two = |a: &str, b: &str| {
        format!(
            "  n1:\n    nics:\n      a: {{link: sw1/p1, network: prod, port: {{lag: po1, {a}}}}}\n      b: {{link: sw1/p2, network: prod, port: {{lag: po1, {b}}}}}\n"
        )
    };
    for (b, what) in [("mtu: 9000", "MTU"), ("lacp: off", "LACP"), ("tagged: [30]", "VLANs")] {
        let told = fault(&two("lacp: active", b));
        assert!(told.contains(&format!("sw1/p1 and sw1/p2 are members of `po1` and differ in their {what}")), "{told}");
    }
    let told = fault("  n{1..2}: {nics: {e: {link: \"sw1/p{n}\", network: prod, port: {lag: po1}}}}\n");
    assert!(told.contains("`po1` of switch `sw1` ends at node `n1` and at node `n2`"), "{told}");
    let told = parse("version: 1\nsite: s\nswitches: {a: {peer: b}, b: {peer: c}, c: {}, d: {peer: d}}\n")
        .expect_err("pairs are of two")
        .to_string();
    assert!(told.contains("`b` is a pair with `a`") || told.contains("`b` is a pair with `c`"), "{told}");
    assert!(told.contains("`d` is no pair with itself"), "{told}");
}
