//! The section `conduct`: how work at a site is conducted, and policies with a pace.

use dip_core::site::{Approvals, Ceilings, ClosedBy, Conduct, Format, Pause, Site, Weekday};
use jiff::Timestamp;

use crate::rules::{WHOLE, parse, parse_all};

const CONDUCT: &str = r#"
conduct:
  limits:
    "bmc/*": {capacity: 8, reason: "the iLO of these racks drops the ninth session"}
    zone/lab1.example: {capacity: 1, reason: one writer a zone}
  windows:
    nights: {days: [thu, mon, mon], from: "22:00", until: "05:00", zone: Europe/Berlin}
  freezes:
    year-end: {from: 2026-12-20T00:00:00Z, until: 2027-01-04T00:00:00Z, reason: "no change over the holidays"}
  ceilings: {removals: 5, erasures: 0}
  approvals: {required: 2, separate: true}
  rollouts:
    front: {nodes: ["r2-n{01..03}"], max_unavailable: 1, canary: 1, wave: 2, pause: after_canary}
    stores: {profile: storage}
    all: {profile: base, pause: each_wave}
"#;

fn conducted() -> Site {
    parse(&format!("{WHOLE}{CONDUCT}")).unwrap_or_else(|faults| panic!("{faults}")).site
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

#[test]
fn limits_and_ceilings_are_read_with_reason_and_place() {
    let conduct = conducted().conduct;
    let limit = conduct.limit("bmc/r1-n01").expect("a limit");
    assert_eq!((limit.capacity, limit.reason.as_str()), (8, "the iLO of these racks drops the ninth session"));
    let line = WHOLE.lines().count() + 4;
    assert_eq!(limit.origin.as_ref().map(|origin| origin.line as usize), Some(line));
    assert_eq!(conduct.limit("zone/lab1.example").map(|limit| limit.capacity), Some(1));
    assert_eq!(conduct.ceilings, Ceilings { removals: Some(5), erasures: Some(0), reboots: None });
    assert_eq!(conduct.approvals, Approvals { required: 2, separate: true });
    let nobody = parse(WHOLE).unwrap_or_else(|faults| panic!("{faults}")).site.conduct.approvals;
    assert!(nobody.is_none());
}

#[test]
fn windows_and_freezes_say_when_a_site_is_open() {
    let conduct = conducted().conduct;
    assert_eq!(conduct.windows[0].days, [Weekday::Mon, Weekday::Thu], "in the order of the week, each once");
    // 2026-12-17 is a Thursday, and Berlin is an hour ahead.
    assert_eq!(conduct.open(at("2026-12-17T21:00:00Z")), Ok(()));
    let closed = conduct.open(at("2026-12-18T04:00:00Z")).expect_err("the night is over");
    assert_eq!(closed.by, ClosedBy::Window("nights".into()));
    // Monday the 21st and the weeks after it are frozen; 2027-01-04 is a Monday.
    assert_eq!(closed.until, at("2027-01-04T21:00:00Z"));
    let frozen = conduct.open(at("2026-12-21T22:00:00Z")).expect_err("a freeze");
    assert_eq!(
        frozen.to_string(),
        "no changes until 2027-01-04T21:00:00Z: the freeze `year-end` lasts (no change over the holidays)"
    );
}

#[test]
fn a_rollout_gives_plain_nodes_a_budget() {
    let site = conducted();
    let rollout = &site.conduct.rollouts["front"];
    let nodes: Vec<_> = rollout.nodes.iter().map(ToString::to_string).collect();
    assert_eq!(nodes, ["r2-n01", "r2-n02", "r2-n03"]);
    let policy = &rollout.policy;
    assert_eq!((policy.max_unavailable, policy.canary, policy.wave), (Some(1), Some(1), Some(2)));
    assert_eq!(policy.pause, Pause::AfterCanary);
    let stores: Vec<_> = site.conduct.rollouts["stores"].nodes.iter().map(ToString::to_string).collect();
    assert_eq!(stores, ["r1-n03"]);
    assert_eq!(site.conduct.rollouts["all"].nodes.len(), 20, "a profile has those that inherit it too");
}

#[test]
fn the_policy_of_a_cluster_has_a_pace() {
    let text = WHOLE.replace("max_unavailable: 1", "max_unavailable: 1, canary: 1, wave: 3, pause: each_wave");
    let site = parse(&text).unwrap_or_else(|faults| panic!("{faults}")).site;
    let policy = &site.clusters["store"].policy;
    assert_eq!((policy.canary, policy.wave, policy.pause), (Some(1), Some(3), Pause::EachWave));
    let without = parse(WHOLE).expect("a good file").site.clusters["store"].policy.clone();
    assert_eq!((without.canary, without.wave, without.pause), (None, None, Pause::Never));
}

#[test]
fn a_site_without_it_is_stored_as_it_always_was() {
    let site = parse(WHOLE).expect("a good file").site;
    assert_eq!(site.conduct, Conduct::new());
    let stored = serde_json::to_value(&site).expect("plain data");
    assert_eq!(stored.get("conduct"), None);
    let policy = stored["clusters"]["store"]["policy"].as_object().expect("a policy");
    assert_eq!(policy.keys().collect::<Vec<_>>(), ["max_unavailable", "spread"]);
}

#[test]
fn a_site_is_the_same_when_it_was_stored_and_read() {
    let site = conducted();
    let text = serde_json::to_string(&site).expect("plain data");
    assert_eq!(serde_json::from_str::<Site>(&text).expect("a site"), site);
}

#[test]
fn an_overlay_changes_one_limit_and_takes_a_freeze_away() {
    let base = format!("{WHOLE}{CONDUCT}");
    let over = "conduct: {limits: {bmc/*: {capacity: 2}}, freezes: {year-end: null}}\n";
    let site = parse_all(&[("site.yaml", Format::Yaml, &base), ("over.yaml", Format::Yaml, over)])
        .unwrap_or_else(|faults| panic!("{faults}"))
        .site;
    let limit = site.conduct.limit("bmc/r1-n01").expect("a limit");
    assert_eq!((limit.capacity, limit.reason.is_empty()), (2, false));
    assert!(site.conduct.freezes.is_empty());
}
