//! What is lost with a thing, what is weak, what two plans differ in and who differs from its like ones, as the command tells it.

use crate::place::{Done, Place, golden, json_lines};

const SITE: &str = include_str!("../golden/explain/site.yaml");

fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.write("site.yaml", SITE);
    place
}

/// A person reads it on a terminal of the usual width.
#[track_caller]
fn read(done: &Done, name: &str) {
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    golden(&format!("explain/{name}.txt"), &done.out);
}

#[test]
fn what_is_lost_with_a_thing_is_told() {
    let place = place("impact");
    for subject in ["sw1", "pdu1", "rack/r2", "network/bmc", "dns", "r1-n1"] {
        let done = place.dip(&["impact", "site.yaml", subject]).ends(0);
        read(&done, &format!("impact-{}", subject.replace('/', "-")));
    }
    let out = place.dip(&["impact", "site.yaml", "switch/sw1", "--json"]).ends(0).out;
    let impact = &json_lines(&out)[0];
    assert_eq!((&impact["subject"], &impact["origin"]["line"]), (&"switch/sw1".into(), &11.into()), "{out}");
    let quorum =
        impact["effects"].as_array().expect("effects").iter().find(|effect| effect["kind"]["quorum_lost"].is_object());
    assert_eq!(quorum.expect("a quorum")["nodes"], serde_json::json!(["r1-n1", "r1-n2"]), "{out}");
}

#[test]
fn a_thing_that_is_not_there_is_told_with_the_nearest() {
    let place = place("impact-unknown");
    place.dip(&["impact", "site.yaml", "swich/sw1"]).ends(2).tells("did you mean `switch/sw1`?");
    place.dip(&["impact", "site.yaml", "r1-n9"]).ends(2).tells("nothing at this site is named `r1-n9`");
}

#[test]
fn what_is_weak_is_told_and_can_be_allowed() {
    let place = place("lint");
    let done = place.dip(&["lint", "site.yaml"]).ends(3).tells("findings in site.yaml");
    read(&done, "lint");
    let lines = json_lines(&place.dip(&["lint", "site.yaml", "--json"]).ends(3).out);
    assert_eq!(lines[0]["rule"], "quorum-in-one-rack");
    assert_eq!(lines[0]["severity"], "warning");
    let rules: std::collections::BTreeSet<&str> = lines.iter().filter_map(|line| line["rule"].as_str()).collect();
    let allowed: Vec<&str> = rules.iter().flat_map(|rule| ["--allow", *rule]).collect();
    let done = place.dip(&[&["lint", "site.yaml"][..], &allowed[..]].concat()).ends(0);
    done.prints(&format!("site.yaml has nothing to find fault with, {} allowed.", lines.len()));
    let done = place.dip(&[&["lint", "site.yaml"][..], &allowed[2..]].concat()).ends(3);
    assert_eq!(done.out.matches("warning[").count() + done.out.matches("note[").count(), 1, "{}", done.out);
    place
        .dip(&["lint", "site.yaml", "--allow", "quorum-in-one-rak"])
        .ends(2)
        .tells("did you mean `quorum-in-one-rack`?");
}

#[test]
fn two_plans_differ_in_what_was_changed_in_the_site() {
    let place = place("diff");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "before.plan"]).ends(0);
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "same.plan"]).ends(0);
    place.dip(&["diff", "before.plan", "same.plan"]).ends(0).prints("No difference: ");
    let changed = SITE
        .replace("vm.swappiness: \"10\"", "vm.swappiness: \"20\"")
        .replace("10.9.0.53:53", "10.9.0.54:53")
        .replace("  cmdb: {kind: directory, path: cmdb}\n", "")
        .replace("link: \"sw{r}/p{n}\"", "link: \"sw{r}/p{n+10}\"");
    place.write("site.yaml", &changed);
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "after.plan"]).ends(0);
    let mut done = place.dip(&["diff", "before.plan", "after.plan"]).ends(3);
    let out = place.dip(&["diff", "before.plan", "after.plan", "--json"]).ends(3).out;
    let diff = &json_lines(&out)[0];
    // The ids change with every form of the planner, and nobody reads them here.
    for (side, id) in [("before", "111111111111"), ("after", "222222222222")] {
        let plan = diff[side]["plan"].as_str().expect("the id of a plan");
        done.out = done.out.replace(&plan[..12], id);
    }
    read(&done, "diff");
    let gone =
        diff["only_before"].as_array().expect("steps").iter().filter(|one| one["operation"] == "opsmgmt.record_node");
    assert_eq!(gone.count(), 8, "{out}");
    place
        .dip(&["diff", "before.plan", "site.yaml"])
        .ends(2)
        .tells("site.yaml is not a plan; write one with `dip plan SITE --out FILE`");
}

#[test]
fn plans_of_two_sites_of_one_base_can_be_compared() {
    let place = place("diff-sites");
    place.write("production.yaml", "site: north7\ndomain: north7.example\n");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "lab.plan"]).ends(0);
    let words = ["plan", "site.yaml", "--overlay", "production.yaml", "--sandbox", "--out", "north.plan"];
    place.dip(&words).ends(0);
    place.dip(&["diff", "lab.plan", "north.plan", "--across-sites"]).ends(0).prints("No difference: ");
    place.dip(&["diff", "lab.plan", "north.plan"]).ends(3).prints("lab.example → north7.example");
}

#[test]
fn the_node_that_differs_from_its_like_ones_is_named() {
    let place = place("outliers");
    let done = place.dip(&["outliers", "site.yaml", "--sandbox"]).ends(3);
    read(&done, "outliers");
    let lines = json_lines(&place.dip(&["outliers", "site.yaml", "--sandbox", "--json"]).ends(3).out);
    let setting = lines.iter().find(|line| line["what"] == "os.sysctl.vm.swappiness").expect("the setting");
    assert_eq!(
        (&setting["nodes"][0], &setting["others"], &setting["usual"]),
        (&"r2-n4".into(), &7.into(), &"10".into())
    );
    place.write(
        "site.yaml",
        &SITE.replace("    os: {sysctl: {vm.swappiness: \"60\"}}\n", "").replace("[pdu2/4, pdu1/14]", "[pdu2/4]"),
    );
    place.dip(&["outliers", "site.yaml", "--sandbox"]).ends(0).prints("No node of lab differs from its like ones.");
}

#[test]
fn why_tells_what_is_behind_a_step() {
    let place = place("why-behind");
    let done = place.dip(&["why", "site.yaml", "opsmgmt.register_name node/r1-n1", "--sandbox"]).ends(0);
    golden("explain/why.txt", &done.out);
    done.prints("asked:  site.yaml:");
}
