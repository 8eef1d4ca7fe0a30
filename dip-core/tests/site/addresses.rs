//! Addresses from ranges: no address twice, none moves, also where sites grow and shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use dip_core::id::NodeName;
use dip_core::site::{Format, Lock, Resolved, Site};
use proptest::prelude::*;

use crate::rules::{parse, parse_locked};

/// A site with one network of two IP versions; `absent` nodes stand in it too.
fn file(last: u8, nodes: &BTreeMap<u8, bool>, given: Option<u8>) -> String {
    let mut text = format!(
        "version: 1\nsite: s\nnetworks:\n  a:\n    prefixes:\n      - {{prefix: 10.0.0.0/24, router: 10.0.0.3, ranges: [10.0.0.0-10.0.0.{last}]}}\n      \
         - {{prefix: \"fd00::/64\", ranges: [\"fd00::-fd00::ff\"]}}\nnodes:\n"
    );
    for (number, absent) in nodes {
        let state = if *absent { "state: absent, " } else { "" };
        let address = given.filter(|given| given == number).map(|_| ", address: 10.0.0.5").unwrap_or_default();
        let _ = writeln!(
            text,
            "  n{number:02}: {{{state}nics: {{e: {{mac: \"52:54:00:00:00:{number:02x}\", network: a{address}}}}}}}"
        );
    }
    if nodes.is_empty() {
        text.truncate(text.len() - "nodes:\n".len());
    }
    text
}

fn read(text: &str, lock: &Lock) -> Resolved {
    parse_locked(&[("site.yaml", Format::Yaml, text)], lock).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

fn addresses(site: &Site) -> BTreeMap<String, Vec<IpAddr>> {
    let there = site.nodes.values().filter(|node| node.state != dip_core::site::NodeState::Absent);
    there.map(|node| (node.name.to_string(), node.addresses().map(|given| given.address).collect())).collect()
}

fn name(number: u8) -> NodeName {
    NodeName::new(&format!("n{number:02}")).expect("a name")
}

/// What happens to a node between two readings of its site file.
#[derive(Debug, Clone)]
enum Change {
    Add(u8),
    Drop(u8),
    Absent(u8),
    /// Its removal is done.
    Removed(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let number = 0_u8..24;
    prop_oneof![
        4 => number.clone().prop_map(Change::Add),
        1 => number.clone().prop_map(Change::Drop),
        1 => number.clone().prop_map(Change::Absent),
        1 => number.prop_map(Change::Removed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_address_is_given_twice_and_none_moves_while_sites_grow_and_shrink(
        changes in proptest::collection::vec(change(), 1..24),
        given in proptest::option::of(0_u8..24),
    ) {
        let (mut nodes, mut lock) = (BTreeMap::<u8, bool>::new(), Lock::default());
        let mut before: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        // What machines that still run were given: absent ones until they are removed.
        let mut leaving: BTreeMap<u8, Vec<IpAddr>> = BTreeMap::new();
        for change in changes {
            match change {
                Change::Add(number) => {
                    leaving.remove(&number);
                    nodes.insert(number, false);
                }
                Change::Drop(number) if nodes.get(&number) == Some(&false) => drop(nodes.remove(&number)),
                Change::Absent(number) if nodes.get(&number) == Some(&false) => {
                    nodes.insert(number, true);
                    leaving.insert(number, before.get(&name(number).to_string()).cloned().unwrap_or_default());
                }
                Change::Removed(number) if nodes.get(&number) == Some(&true) => {
                    nodes.remove(&number);
                    leaving.remove(&number);
                    lock.release(&name(number));
                }
                _ => continue,
            }
            // 10.0.0.0 is the network, 10.0.0.3 the router: 38 are left for 24 nodes.
            let resolved = read(&file(39, &nodes, given), &lock);
            let now = addresses(&resolved.site);
            let mut seen = BTreeSet::new();
            for address in now.values().flatten() {
                prop_assert!(seen.insert(*address), "{address} is given twice");
                prop_assert!(!["10.0.0.0", "10.0.0.3", "fd00::"].contains(&address.to_string().as_str()), "{address}");
            }
            for (node, had) in &before {
                // Whoever had from the range what the file then gives to another one by hand has to move.
                let mut kept = had.iter().filter(|address| given.is_none() || address.to_string() != "10.0.0.5");
                if let Some(has) = now.get(node) {
                    prop_assert!(kept.all(|address| has.contains(address)), "{node} moved from {had:?} to {has:?}");
                }
            }
            for (number, had) in &leaving {
                // What its file gave to another node by hand is that node's.
                let kept = had.iter().filter(|address| address.to_string() != "10.0.0.5");
                for address in kept {
                    prop_assert!(!seen.contains(address), "{address} of absent node {number} is given away");
                }
            }
            // Reading the same again chooses the same.
            prop_assert_eq!(&read(&file(39, &nodes, given), &resolved.lock).lock, &resolved.lock);
            (before, lock) = (now, resolved.lock);
        }
    }
}

#[test]
fn an_absent_node_keeps_its_address_until_its_removal_is_done() {
    let nodes = |absent: bool, new: bool| {
        let mut nodes = BTreeMap::from([(1, absent), (2, false)]);
        if new {
            nodes.insert(9, false);
        }
        nodes
    };
    // Room for two: 10.0.0.1 and 10.0.0.2.
    let first = read(&file(2, &nodes(false, false), None), &Lock::default());
    let leaving = read(&file(2, &nodes(true, false), None), &first.lock);
    assert_eq!(leaving.lock, first.lock, "it may still run");
    let text = file(2, &nodes(true, true), None);
    let full = parse_locked(&[("site.yaml", Format::Yaml, &text)], &leaving.lock).expect_err("it still has its own");
    let told = full.to_string();
    assert!(told.contains("2 addresses are needed, 1 address is left for them, and 1 is missing"), "{told}");
    assert!(told.contains("held by absent nodes until they are removed"), "{told}");
    let mut lock = leaving.lock;
    assert!(lock.release(&name(1)) && !lock.release(&name(1)));
    let after = read(&text, &lock);
    assert_eq!(after.site.nodes["n09"].address(), first.site.nodes["n01"].address());
}

#[test]
fn all_faults_of_addresses_are_told_at_once_with_their_places() {
    let text = "version: 1\nsite: s\nnetworks:\n  a:\n    prefixes:\n      - prefix: 10.0.0.0/30\n        ranges: [10.0.0.1-10.0.0.1, 10.0.1.7-10.0.1.9]\n  \
                b:\n    prefixes: [{prefix: 10.2.0.0/24, ranges: [10.2.0.1-10.2.0.9, 10.2.0.5-10.2.0.20]}]\nnodes:\n  \
                n1: {nics: {e: {mac: \"52:54:00:00:00:01\", network: a}}}\n  n2: {nics: {e: {mac: \"52:54:00:00:00:02\", network: a}}}\n  \
                n3: {nics: {e: {mac: \"52:54:00:00:00:03\", network: b, address: 10.2.0.5}}}\n  \
                n4: {nics: {e: {mac: \"52:54:00:00:00:04\", network: b, address: 10.2.0.5}}}\n";
    let told = parse(text).expect_err("four things are wrong").to_string();
    for fault in [
        "the range lies outside its prefix: 10.0.1.7 is not in 10.0.0.0/30",
        "the range overlaps 10.2.0.1-10.2.0.9",
        "n3/e and n4/e have the same address",
        "2 addresses are needed, 1 address is left for them, and 1 is missing",
    ] {
        assert!(told.contains(fault), "`{fault}` is not told:\n{told}");
    }
    for place in ["site.yaml:7", "site.yaml:9", "site.yaml:14"] {
        assert!(told.contains(place), "no fault at {place}:\n{told}");
    }
}
