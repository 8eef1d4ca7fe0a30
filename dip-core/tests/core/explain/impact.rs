//! What is lost when one thing goes.

use dip_core::explain::{EffectKind, Gravity, Impact, Thing};
use dip_core::site::Site;

use super::golden;
use super::lab::{layers, site};

fn impact(site: &Site, wanted: &str) -> Impact {
    let thing = Thing::find(site, wanted).unwrap_or_else(|error| panic!("{error}"));
    Impact::of(site, &layers(), &thing)
}

#[test]
fn what_goes_with_each_kind_of_thing_is_told() {
    let site = site(&[]);
    let things = [
        "sw1",
        "port/sw1/p1",
        "pdu/pdu1",
        "outlet/pdu1/4",
        "rack/r1",
        "row/A",
        "network/bmc",
        "service/dhcp",
        "ntp1",
        "sw9",
    ];
    let text: Vec<String> = things.iter().map(|thing| impact(&site, thing).to_string()).collect();
    golden("impact.txt", &text.join("\n----\n\n"));
}

#[test]
fn a_node_loses_its_power_only_with_all_of_its_outlets() {
    let site = site(&[]);
    let pdu = impact(&site, "pdu1");
    let nodes = |kind: &EffectKind| {
        let of = pdu.effects.iter().filter(|effect| effect.kind == *kind).flat_map(|effect| &effect.nodes);
        of.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&EffectKind::NoPower), ["r1-n1", "r1-n2", "r1-n3"]);
    assert_eq!(nodes(&EffectKind::NoSpareFeed), ["ntp1", "r1-n4"]);
    // Both feeds of r2-n4 are of the other PDU.
    assert!(impact(&site, "pdu2").effects[0].nodes.iter().any(|node| node.as_str() == "r2-n4"));
}

#[test]
fn a_cluster_loses_its_quorum_with_half_of_its_members_and_is_at_risk_before() {
    let site = site(&[]);
    let gravity = |thing: &str, cluster: &str| {
        let impact = impact(&site, thing);
        let of = impact.effects.iter().find(|effect| effect.sentence.contains(&format!("cluster `{cluster}`")));
        of.map(|effect| (effect.gravity, matches!(effect.kind, EffectKind::QuorumLost(_))))
    };
    assert_eq!(gravity("rack/r1", "store"), Some((Gravity::Lost, true)));
    assert_eq!(gravity("r1-n1", "store"), Some((Gravity::AtRisk, false)));
    assert_eq!(gravity("rack/r2", "store"), Some((Gravity::AtRisk, false)));
    // One of its four members is in maintenance, so that the next one takes the quorum.
    assert_eq!(gravity("r2-n3", "even"), Some((Gravity::Lost, true)));
    assert_eq!(gravity("service/time", "even"), None);
}

#[test]
fn a_second_link_on_another_switch_keeps_a_node_in_its_network() {
    let cut_off = |site: &Site| {
        let effects = impact(site, "sw2").effects;
        let cut = effects.into_iter().filter(|effect| matches!(effect.kind, EffectKind::CutOff(_)));
        cut.flat_map(|effect| effect.nodes).map(|node| node.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(cut_off(&site(&[])), ["r2-n1", "r2-n2", "r2-n3"]);
    assert_eq!(cut_off(&site(&[("sw1/p20", "sw2/p20")])), ["r2-n1", "r2-n2", "r2-n3", "r2-n4"]);
}

#[test]
fn a_service_goes_with_the_nodes_that_it_runs_on() {
    let of_time = |site: &Site| {
        let effects = impact(site, "ntp1").effects.into_iter();
        let of_time = effects.filter(|effect| effect.sentence.contains("service `time`"));
        of_time.map(|effect| (effect.gravity, effect.nodes.len(), effect.sentence)).collect::<Vec<_>>()
    };
    let users = "for the settings of 7 nodes through profile `base`";
    let alone = site(&[("[10.1.1.201, 10.1.2.201]", "[10.1.1.201]")]);
    assert_eq!(of_time(&alone), [(Gravity::Lost, 7, format!("service `time` is gone {users}"))]);
    assert_eq!(of_time(&site(&[])), [(Gravity::AtRisk, 7, format!("service `time` has fewer servers {users}"))]);
}

#[test]
fn a_network_behind_a_node_goes_with_it() {
    let site = site(&[("bmc: {prefixes", "bmc: {via: ntp1, prefixes")]);
    let text = impact(&site, "ntp1").to_string();
    assert!(text.contains("network `bmc` cannot be reached: its way leads through `ntp1`"), "{text}");
}

#[test]
fn a_name_that_is_none_is_told_with_the_nearest_and_one_of_two_things_with_both() {
    let site = site(&[("  sw9: {}", "  prod: {}")]);
    let told = |wanted: &str| Thing::find(&site, wanted).expect_err(wanted).to_string();
    golden("unknown.txt", &["swich/sw1", "rl-n1", "pdu1/25", "prod", "?"].map(|wanted| told(wanted) + "\n").concat());
    assert!(Thing::find(&site, "switch/prod").is_ok() && Thing::find(&site, "pdu1/24").is_ok());
}
