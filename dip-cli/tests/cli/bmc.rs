//! `dip bmc`: the controllers of a simulated datacenter, asked by a person.

use crate::place::{Place, json_lines};

#[test]
fn one_bmc_is_asked_and_told() {
    let place = Place::new("bmc-one");
    assert_eq!(place.dip(&["bmc", "r1-n1", "--sandbox", "power"]).ends(0).out, "off\n");
    assert_eq!(place.dip(&["bmc", "r1-n1", "--sandbox", "power", "on"]).ends(0).out, "on\n");
    assert_eq!(place.dip(&["bmc", "r1-n1", "--sandbox", "boot"]).ends(0).out, "default\n");
    let out = place.dip(&["bmc", "r1-n1", "--sandbox", "boot", "network", "--always"]).ends(0).out;
    assert_eq!(out, "boots from network (always, uefi)\n");
    place
        .dip(&["bmc", "r1-n1", "--sandbox", "identity"])
        .ends(0)
        .prints("maker   Sandbox Systems\n")
        .prints("power, boot");
}

#[test]
fn all_are_asked_at_once_and_summed_up() {
    let place = Place::new("bmc-all");
    let done = place.dip(&["bmc", "--all", "--sandbox", "power"]).ends(0).tells("4 off");
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["r1-n1: off", "r1-n2: off", "r2-n1: off", "r2-n2: off"]);
    let done = place.dip(&["bmc", "r1-*,r2-n2", "--sandbox", "power", "--json"]).ends(0);
    let mut nodes: Vec<String> = json_lines(&done.out).iter().map(|line| line["node"].to_string()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["\"r1-n1\"", "\"r1-n2\"", "\"r2-n2\""]);
}

#[test]
fn what_disrupts_is_asked_about_and_no_answer_is_no() {
    let place = Place::new("bmc-asks");
    let words = ["bmc", "--all", "--sandbox", "power", "off"];
    place.dip(&words).ends(130).tells("May dip switch off at once 4 nodes?").tells("nothing was changed");
    place.dip(&[&words[..], &["--yes"]].concat()).ends(0).tells("4 off");
}

#[test]
fn a_node_that_is_not_there_is_told_with_the_nearest() {
    let place = Place::new("bmc-unknown");
    place.dip(&["bmc", "r1-m1", "--sandbox", "power"]).ends(2).tells("has no node `r1-m1`; did you mean `r1-n1`?");
    place.dip(&["bmc", "x*", "--sandbox", "power"]).ends(2).tells("is named like `x*`");
    place.dip(&["bmc", "r1-n1,r1-n2", "--sandbox", "console"]).ends(2).tells("one node at a time");
    place.dip(&["bmc", "--sandbox", "power"]).ends(2).tells("required");
}
