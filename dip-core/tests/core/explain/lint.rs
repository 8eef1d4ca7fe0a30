//! What is weak or left over at a site.

use crate::effort::Effort;
use std::fmt::Write as _;

use dip_core::explain::{Finding, Rule, lint};
use dip_core::site::Site;

use super::golden;
use super::lab::{layers, site};

fn findings(site: &Site) -> Vec<Finding> {
    lint(site, &layers())
}

fn count(site: &Site, rule: Rule) -> usize {
    findings(site).iter().filter(|finding| finding.rule == rule).count()
}

#[test]
fn every_weakness_is_told_with_its_place_and_what_to_do() {
    let mut text = String::new();
    for finding in findings(&site(&[])) {
        let _ = writeln!(text, "{finding}");
    }
    golden("lint.txt", &text);
}

/// Words of the site file, and what stands there instead.
type Changes = &'static [(&'static str, &'static str)];

/// Clusters of one member, which hang on one thing anyway.
const ALONE: Changes = &[("[r1-n1, r1-n2, r2-n1]", "[r1-n1]"), ("[r1-n3, r1-n4, r2-n3, r2-n4]", "[r1-n3]")];

/// For each rule what has to change in the site so that it finds nothing, and how much it found before.
const CURES: &[(Rule, usize, Changes)] = &[
    (Rule::QuorumInOneRack, 3, ALONE),
    (
        Rule::QuorumOnOnePdu,
        2,
        &[("[\"pdu{r}/{n}\"]", "[\"pdu1/{r*10+n}\", \"pdu2/{r*10+n}\"]"), ("[pdu2/4, pdu2/24]", "[pdu2/4, pdu1/24]")],
    ),
    (Rule::QuorumOnOneSwitch, 2, ALONE),
    (Rule::MaxUnavailableBreaksQuorum, 1, &[("max_unavailable: 2", "max_unavailable: 1")]),
    (Rule::MemberNotReady, 1, &[("state: maintenance, ", "")]),
    (Rule::EvenMembers, 1, &[("[r1-n3, r1-n4, r2-n3, r2-n4]", "[r1-n3, r1-n4, r2-n3]")]),
    (Rule::SingleFeed, 2, &[("[\"pdu{r}/{n}\"]", "[\"pdu{r}/{n}\", \"pdu{3-r}/{10+n}\"]")]),
    (Rule::FeedsOnOnePdu, 1, &[("[pdu2/4, pdu2/24]", "[pdu2/4, pdu1/24]")]),
    (
        Rule::NoBmc,
        1,
        &[(
            "  ntp1:\n",
            "  ntp1:\n    bmc: {address: bmc.example, user: a, password: env:P, protocols: [{kind: ipmi}]}\n",
        )],
    ),
    (Rule::BmcInNoNetwork, 0, &[]),
    (Rule::BmcNetworkWithoutRoute, 1, &[("{prefix: 10.9.0.0/16}", "{prefix: 10.9.0.0/16, router: 10.9.0.1}")]),
    (Rule::OverlappingPrefixes, 1, &[("10.1.2.128/26", "10.2.2.128/26")]),
    (Rule::RangeNearlyExhausted, 0, &[]),
    (Rule::UnusedProfile, 1, &[("  gpu: {}\n", "")]),
    (Rule::UnusedNetwork, 1, &[("  old: {prefixes: [{prefix: 10.1.2.128/26}]}\n", "")]),
    (Rule::UnusedService, 1, &[("  spare: {kind: ntp, servers: [192.0.2.1]}\n", "")]),
    (Rule::UnusedSwitch, 1, &[("  sw9: {}\n", "")]),
    (Rule::UnusedPdu, 0, &[]),
    (Rule::UnusedRack, 0, &[]),
];

#[test]
fn each_rule_finds_something_until_the_site_is_changed() {
    assert_eq!(CURES.iter().map(|cure| cure.0).collect::<Vec<_>>(), Rule::ALL);
    let before = site(&[]);
    for (rule, found, cure) in CURES {
        assert_eq!(count(&before, *rule), *found, "{rule}");
        assert_eq!(count(&site(cure), *rule), 0, "{rule}");
    }
}

#[test]
fn what_the_site_does_not_show_is_found_where_it_is() {
    let one = |rule, changes: &[(&str, &str)]| assert_eq!(count(&site(changes), rule), 1, "{rule}");
    one(Rule::BmcInNoNetwork, &[("{prefix: 10.9.0.0/16}", "{prefix: 10.8.0.0/16}")]);
    // Four nodes and a router: all of the range but one.
    one(Rule::RangeNearlyExhausted, &[("10.1.1.10-10.1.1.14", "10.1.1.10-10.1.1.13")]);
    one(Rule::UnusedPdu, &[("pdus:\n", "pdus:\n  pdu9: {outlets: 2}\n")]);
    one(Rule::UnusedRack, &[("racks:\n", "racks:\n  r9: {}\n")]);
}

#[test]
fn a_bmc_network_without_route_is_fine_where_no_network_has_one() {
    let site = site(&[(", router: 10.1.1.1", ""), (", router: 10.1.2.1", "")]);
    assert_eq!(count(&site, Rule::BmcNetworkWithoutRoute), 0);
}

#[test]
fn a_rule_is_named_for_good_and_a_typo_is_told() {
    for rule in Rule::ALL {
        assert_eq!(rule.id().parse(), Ok(*rule));
    }
    let error = "quorum-in-one-rak".parse::<Rule>().expect_err("a typo").to_string();
    assert_eq!(error, "lint has no rule `quorum-in-one-rak`; did you mean `quorum-in-one-rack`?");
}

#[test]
fn a_site_of_ten_thousand_nodes_is_looked_through_in_no_time() {
    let mut text = "version: 1\nsite: large\nracks:\n".to_owned();
    let mut section = |head: &str, line: &dyn Fn(usize) -> String| {
        text.push_str(head);
        (1..=100).for_each(|rack| text.push_str(&line(rack)));
    };
    section("", &|rack| format!("  r{rack}: {{row: A}}\n"));
    section("switches:\n", &|rack| format!("  sw{rack}: {{rack: r{rack}}}\n"));
    section("pdus:\n", &|rack| format!("  pdu{rack}: {{rack: r{rack}, outlets: 200}}\n"));
    section("networks:\n  prod:\n    prefixes:\n", &|rack| {
        format!("      - {{prefix: 10.{rack}.0.0/16, racks: [r{rack}], ranges: [10.{rack}.1.0-10.{rack}.2.0]}}\n")
    });
    text.push_str(
        "nodes:\n  r{r:1..100}-n{n:1..100}:\n    rack: r{r}\n    outlets: [\"pdu{r}/{n}\"]\n    nics: {eth0: {mac: \"02:00:00:00:{r:02x}:{n:02x}\", link: \"sw{r}/p{n}\", network: prod}}\n\
clusters:\n  store:\n    workload: {kind: etcd}\n    members: {member: [\"r{1..100}-n{1..100}\"]}\n",
    );
    let source = dip_core::site::Source::new("site.yaml", dip_core::site::Format::Yaml, text);
    let settings = layers().settings();
    let site = Site::parse(&[source], &settings, &dip_core::site::Lock::default())
        .unwrap_or_else(|faults| panic!("{faults}"))
        .site;
    assert_eq!(site.nodes.len(), 10_000);
    let effort = Effort::begin();
    assert!(findings(&site).iter().any(|finding| finding.rule == Rule::SingleFeed && finding.nodes.len() == 10_000));
    let thing = dip_core::explain::Thing::find(&site, "row/A").expect("the row");
    assert_eq!(dip_core::explain::Impact::of(&site, &layers(), &thing).nodes_lost(), 10_000);
    // Linear, it takes a second in a build for tests.
    assert!(effort.so_far() < std::time::Duration::from_secs(15), "{:?}", effort.so_far());
}
