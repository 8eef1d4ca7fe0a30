//! How long things take: the estimate of a plan, and when a wait should end.

use std::fs;

use crate::place::{Place, golden, json_lines};

/// The part of a plan that tells how long it takes.
fn estimate(text: &str) -> String {
    let at = text.find("\ntakes about ").unwrap_or_else(|| panic!("there is no estimate: {text}"));
    text[at + 1..].to_owned()
}

#[test]
fn a_plan_tells_how_long_it_takes_by_default_and_then_by_past_runs() {
    let place = Place::new("estimate");
    let first = place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).out;
    golden("estimate-default.txt", &estimate(&first));
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let second = place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).out;
    golden("estimate-past.txt", &estimate(&second));
    assert_eq!(first.find("\ntakes"), second.find("\ntakes"), "the plan itself is the same");
    assert_eq!(first.lines().next(), second.lines().next(), "and so is its id");
    let json = place.dip(&["plan", "site.yaml", "--sandbox", "--json"]).ends(0).out;
    assert!(!json.contains("critical_path"), "an estimate is no part of a plan");
}

#[test]
fn an_estimate_is_near_to_what_the_next_run_takes() {
    let place = Place::new("estimate-true");
    for seed in ["1", "2", "3"] {
        place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--seed", seed]).ends(0);
    }
    let out = place.dip(&["plan", "site.yaml", "--sandbox", "--estimate", "--json"]).ends(0).out;
    let estimate = &json_lines(&out)[0];
    let seconds = |value: &serde_json::Value| value["secs"].as_f64().expect("a duration");
    let total = seconds(&estimate["total"]);
    assert_eq!(estimate["known"], estimate["steps"], "all its steps are known");
    let out = place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--seed", "4", "--json"]).ends(0).out;
    let took = seconds(&json_lines(&out).last().expect("a report")["report"]["took"]);
    assert!((took / total - 1.0).abs() < 0.25, "it took {took} s and was estimated at {total} s");
}

#[test]
fn simulated_runs_say_nothing_of_real_ones_and_damaged_ones_are_told() {
    let place = Place::new("estimate-kinds");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let run = place.run();
    let real = run.trim_end_matches("-sandbox");
    fs::rename(place.journal(&run), place.journal(real)).expect("it is there");
    place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).prints("from defaults,");
    // A machine that the clock of a shell took for a second run in one second.
    fs::rename(place.journal(real), place.journal(&format!("{run}-2"))).expect("it is there");
    place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).prints("from 1 past run\n");
    let mut bytes = fs::read(place.journal(&format!("{run}-2"))).expect("it is there");
    bytes[50] ^= 1;
    fs::write(place.journal(&format!("{run}-3")), bytes).expect("a file");
    let done = place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).prints("from 1 past run\n");
    done.tells("warning: it tells nothing of how long things take: ").tells("-sandbox-3.journal");
}

#[test]
fn every_wait_of_a_run_tells_when_it_should_end() {
    let place = Place::new("expected-end");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let run = place.run();
    let whole = fs::read(place.journal(&run)).expect("it is there");
    // The same run as it was when its machines were still starting.
    let text = String::from_utf8_lossy(&whole);
    let at = text.find("\"the installed system to answer\"").expect("somebody waits for a system");
    let later = format!("{run}-2");
    fs::write(place.journal(&later), &whole[..at + 2_000]).expect("a file");
    let shown = place.dip(&["show", &later]).ends(0).prints("state not ended").out;
    let line = shown.lines().find(|line| line.contains("waits for the installed system to answer")).expect("a wait");
    assert!(line.contains(" s ago; usually ") && line.contains(": until about 08:0"), "{line}");
    let name = line.trim_start().split_once(": waits").expect("a name before").0;
    place.dip(&["why", &later, name]).ends(0).prints("s ago; usually ");
    // Without the whole run nobody knows, and nobody is told a guess.
    fs::remove_file(place.journal(&run)).expect("it is there");
    let alone = place.dip(&["show", &later]).ends(0).prints("waits for the installed system").out;
    assert!(!alone.contains("answer; usually") && !alone.contains("until about 00:00"), "{alone}");
}
