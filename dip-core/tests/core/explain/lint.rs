//! What is weak or left over at a site.

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

/// Clusters of one member, which hang on one thing anyway.
const ALONE: &[(&str, &str)] = &[("[r1-n1, r1-n2, r2-n1]", "[r1-n1]"), ("[r1-n3, r1-n4, r2-n3, r2-n4]", "[r1-n3]")];

/// For each rule what has to change in the site so that it finds nothing, and how much it found before.
const CURES: &[(Rule, usize, &[(&str, &str)])] = &[
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
