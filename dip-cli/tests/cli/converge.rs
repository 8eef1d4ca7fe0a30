//! `dip converge`: rounds, looks at even times, and what is put right.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use dip::core::id::SiteName;
use dip::core::journal::SiteLock;
use jiff::Timestamp;
use serde_json::Value;

use crate::place::{Done, Place, json_lines};

/// A site of one node whose only server does not answer.
const DEAF: &str = "version: 1\nsite: deaf\ndomain: lab.example\nnetworks: {prod: {prefixes: [{prefix: 10.1.0.0/16}]}}\n\
    services: {dns: {kind: rfc2136, server: \"127.0.0.1:1\", key: {name: k, algorithm: hmac-sha256, secret: env:K}}}\n\
    nodes: {n1: {nics: {eth0: {primary: true, mac: \"02:00:00:00:00:01\", network: prod, address: 10.1.1.1}}}}\n";

fn events<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter_map(|line| line.get(name)).collect()
}

fn count(value: &Value) -> usize {
    value.as_array().expect("a list").len()
}

#[test]
fn one_round_is_enough_where_nothing_is_deferred() {
    let place = Place::new("converge");
    let done = place.dip(&["converge", "site.yaml", "--sandbox", "--yes"]).ends(0).prints("Round 1\nPlan ");
    let done = done.prints(" is ready: ").prints("Converge ended after 1 round, ready: all is as wanted.\n");
    assert!(!done.out.contains("Round 2"), "{}", done.out);
    assert!(!done.err.contains("warning"), "{}", done.err);
    assert_eq!(place.count_journals(), 1, "a simulation leaves its journal and no readings");
    let out = place.dip(&["converge", "site.yaml", "--sandbox", "--yes", "--json"]).ends(0).out;
    let lines = json_lines(&out);
    let last = &lines.last().expect("lines")["converged"];
    assert_eq!((&last["end"], &last["rounds"], &last["waiting"]), (&"ready".into(), &1.into(), &0.into()), "{last}");
}

#[test]
fn a_site_is_kept_at_ready_state_by_looks_at_even_times() {
    let place = Place::new("converge-every");
    let words = ["converge", "site.yaml", "--sandbox", "--every", "1m", "--looks", "4", "--repair", "all", "--yes"];
    let out = place.dip(&[&words[..], &["--json"]].concat()).ends(0).out;
    let lines = json_lines(&out);
    let drift = events(&lines, "drift");
    let causes: Vec<usize> = drift.iter().map(|drift| count(&drift["causes"])).collect();
    assert!(matches!(causes[..], [first, 0, 0, 0] if first > 0), "{causes:?}");
    let at: Vec<Timestamp> =
        drift.iter().map(|drift| drift["at"].as_str().expect("a time").parse().expect("a time")).collect();
    let beats: Vec<i64> = at.iter().map(|time| time.duration_since(at[0]).as_secs()).collect();
    // The first run takes several minutes: the looks that it was too late for are left out, the others are in time.
    assert!(beats[1] > 60 && beats.iter().all(|seconds| seconds % 60 == 0), "{beats:?}");
    assert_eq!((beats[2] - beats[1], beats[3] - beats[2]), (60, 60), "{beats:?}");
    assert_eq!(events(&lines, "converged").len(), 4);
    assert_eq!(place.count_journals(), 1, "where nothing is to be done there is no run");
}

#[test]
fn without_being_told_to_it_only_reports() {
    let place = Place::new("converge-report");
    let words = ["converge", "site.yaml", "--sandbox", "--every", "10m", "--looks", "2"];
    let done = place.dip(&words).ends(3).prints("differs  network.set_port port/sw1/p1: access VLAN 999 → 20\n");
    let done = done.prints("A look at ").prints("The next look is at 08:10:00.\n");
    assert_eq!(done.out.matches("A look at ").count(), 2);
    assert_eq!(place.count_journals(), 0);
}

#[test]
fn safe_repair_disrupts_nothing_and_says_what_is_left() {
    let place = Place::new("converge-safe");
    let words = ["converge", "site.yaml", "--sandbox", "--repair", "safe", "--yes"];
    let done = place.dip(&words).ends(3).prints("something is left to you.\n");
    let done = done.prints("  left to you: network.set_port port/sw1/p1\n").prints(" more depend on that\n");
    assert!(!done.out.contains("changed   network.set_port"), "{}", done.out);
    let out = place.dip(&[&words[..], &["--json"]].concat()).ends(3).out;
    let lines = json_lines(&out);
    let plan = events(&lines, "event").into_iter().find_map(|event| event.get("began")).expect("a run")["plan"].clone();
    let steps = plan["steps"].as_array().expect("steps");
    assert!(!steps.is_empty() && steps.iter().all(|planned| planned["step"]["hazard"] == "none"), "{plan}");
    let left = lines.last().expect("lines")["converged"]["left"].clone();
    assert!(left.as_array().expect("a list").iter().any(|left| left["why"] == "withheld"), "{left}");
}

#[test]
fn nobody_changes_anything_where_nobody_said_yes() {
    let place = Place::new("converge-usage");
    place.dip(&["converge", "site.yaml", "--sandbox"]).ends(2).tells("there is nobody to ask");
    let every = ["converge", "site.yaml", "--sandbox", "--every", "1h", "--looks", "1"];
    place.dip(&[&every[..], &["--repair", "safe"]].concat()).ends(2).tells("there is nobody to ask");
    place.dip(&["converge", "site.yaml", "--sandbox", "--looks", "2"]).ends(2).tells("--every");
    place.dip(&["converge", "site.yaml", "--sandbox", "--rounds", "0", "--yes"]).ends(2);
}

#[test]
fn rounds_that_guards_refuse_are_not_carried_out() {
    let place = Place::new("converge-guard");
    let words = ["converge", "site.yaml", "--sandbox", "--yes", "--approval", "no-such-file"];
    place.dip(&words).ends(2);
    assert_eq!(place.count_journals(), 0);
}

#[test]
fn a_site_that_another_run_holds_is_left_to_it() {
    let place = Place::new("converge-held");
    place.write("deaf.yaml", DEAF);
    let name = SiteName::new("deaf").expect("a name");
    let held = SiteLock::take(&place.0.join(".dip/runs"), &name, Timestamp::now()).expect("it is free");
    let ask = |words: &[&str]| Done::of(place.command(words).env("K", "c2VjcmV0").output().expect("it runs"), words);
    ask(&["converge", "deaf.yaml", "--yes"]).ends(1).tells("held by");
    // A look changes nothing, and one that failed does not end the watch.
    ask(&["converge", "deaf.yaml", "--repair", "report"]).ends(4);
    let every = ["converge", "deaf.yaml", "--yes", "--repair", "safe", "--every", "1s", "--looks", "2"];
    let done = ask(&every).ends(1);
    assert_eq!(done.err.matches("held by").count(), 2, "{done:#?}");
    drop(held);
}

#[test]
fn ctrl_c_between_two_looks_ends_with_the_status_of_the_last_one() {
    let place = Place::new("converge-ctrl-c");
    place.write("deaf.yaml", DEAF);
    std::fs::create_dir_all(place.0.join(".dip/runs")).expect("a directory");
    place.write(".dip/runs/deaf.readings", "{\"dip_readings\": 9}");
    let mut command = place.command(&["converge", "deaf.yaml", "--every", "1h", "--json"]);
    let mut child =
        command.env("K", "c2VjcmV0").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut told = String::new();
    while !told.contains("\"converged\"") {
        assert!(out.read_line(&mut told).expect("text") > 0, "it ended: {told}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there").success());
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "{told}{errors}");
    assert_eq!(count(&json_lines(&told)[0]["drift"]["unobserved"]), 1, "{told}");
    assert!(errors.contains("deaf.readings tells nothing of what was seen before: "), "{errors}");
    // What was seen is kept whole, in the form of today.
    let kept: Value = serde_json::from_str(&place.read(".dip/runs/deaf.readings")).expect("JSON");
    assert_eq!((&kept["dip_readings"], &kept["site"]), (&1.into(), &"deaf".into()));
    assert!(kept["seen"]["readings"].is_object(), "{kept}");
}
