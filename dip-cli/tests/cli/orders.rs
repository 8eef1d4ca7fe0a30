//! Commands to a run that another process works on: here one whose DNS server is down, so that it waits.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Done, Place};

/// Nobody listens on port 1.
const SITE: &str = "version: 1
site: lab
domain: lab.example
networks: {prod: {prefixes: [{prefix: 10.0.1.0/24}]}}
services:
  dns: {kind: rfc2136, server: \"127.0.0.1:1\", zones: [lab.example, 1.0.10.in-addr.arpa], key: {name: dip, algorithm: hmac-sha256, secret: env:DIP_TSIG}}
nodes:
  n1: {nics: {eth0: {primary: true, mac: \"02:00:00:00:00:11\", network: prod, address: 10.0.1.11}}}
  n2: {nics: {eth0: {primary: true, mac: \"02:00:00:00:00:12\", network: prod, address: 10.0.1.12}}}
";

const N1: &str = "opsmgmt.register_name node/n1";
const N2: &str = "opsmgmt.register_name node/n2";

struct Waiting {
    place: Place,
    apply: Child,
    run: String,
}

/// A run that waits for its DNS server.
fn waiting(name: &str) -> Waiting {
    let place = Place::new(name);
    place.write("site.yaml", SITE);
    let apply = works(&place, &["apply", "site.yaml", "--yes"]);
    shows(&place, "waits for attempt");
    let run = place.run();
    Waiting { place, apply, run }
}

/// A process that works on a run.
fn works(place: &Place, words: &[&str]) -> Child {
    let mut command = place.command(words);
    command.env("DIP_TSIG", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command runs")
}

/// Waits until `dip show` tells something of the run; gives all that it tells.
fn shows(place: &Place, words: &str) -> String {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let out = if place.count_journals() == 0 { String::new() } else { place.dip(&["show"]).out };
        if out.contains(words) {
            return out;
        }
        assert!(Instant::now() < until, "it is not told that the run {words}: {out}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Waiting {
    /// The process dies as if the power had gone.
    fn dies(mut self) -> (Place, String) {
        self.apply.kill().expect("it runs");
        self.apply.wait().expect("it ends");
        (self.place, self.run)
    }

    fn ends(self) -> Done {
        Done::of(self.apply.wait_with_output().expect("it ends"), &["apply"])
    }
}

#[test]
fn a_step_is_skipped_with_a_reason_that_the_report_tells() {
    let waiting = waiting("orders-skip");
    let run = waiting.run.as_str();
    let refused = waiting.place.dip(&["retry", run, N1]).ends(2);
    assert!(refused.err.contains("has not failed, so there is nothing to retry"), "{}", refused.err);
    waiting.place.dip(&["skip", run, "opsmgmt.register_name node/n9", "--reason", "none"]).ends(2).tells("has no step");
    waiting.place.dip(&["hold", run, "--reason", "the DNS people are at it"]).ends(0).prints("obeys: hold the run");
    waiting.place.dip(&["continue", run]).ends(0).prints("obeys: continue");
    waiting.place.dip(&["continue", run]).ends(2).tells("nothing is held or paused");
    waiting.place.dip(&["skip", run, N1, "--reason", "DNS moves tomorrow"]).ends(0).prints("obeys: skip");
    waiting.place.dip(&["skip", run, N2, "--reason", "this one too"]).ends(0);
    let (place, run) = (Place(waiting.place.0.clone()), waiting.run.clone());
    let done = waiting.ends().ends(0);
    assert!(done.out.contains("2 skipped"), "{}", done.out);
    assert!(done.out.contains("skipped: opsmgmt.register_name node/n1 — DNS moves tomorrow"), "{}", done.out);
    place.dip(&["hold", &run, "--reason", "late"]).ends(2).tells("the run has ended; `dip resume` goes on with it");
}

#[test]
fn a_hold_outlives_its_process_and_ends_when_somebody_says_go_on_even_while_nobody_works_on_the_run() {
    let waiting = waiting("orders-hold");
    let hold = ["hold", &waiting.run, "--reason", "the DNS people are at it"];
    waiting.place.dip(&hold).ends(0).prints("obeys: hold the run");
    let (place, run) = waiting.dies();
    let obeys_later = format!("nobody works on run {run} now; it obeys when `dip resume {run}` goes on with it");
    place.dip(&["continue", &run]).ends(0).prints(&obeys_later);
    place.dip(&["continue", &run]).ends(2).tells("nothing is held or paused");
    place.dip(&["retry", &run, N1]).ends(2).tells("the run has ended; `dip resume` goes on with it");
    place.dip(&["hold", &run, N2, "--reason", "not this one"]).ends(0).prints(&obeys_later);

    let resumed = works(&place, &["resume", &run]);
    // The one that nobody holds any more is tried, and the other one is not begun.
    shows(&place, &format!("{N2}: is held: not this one"));
    let out = shows(&place, &format!("{N1}: waits for attempt"));
    assert!(out.contains(&format!("{N2}: is held: not this one")) && !out.contains("\nheld  "), "{out}");
    let waiting = Waiting { place, apply: resumed, run };
    waiting.place.dip(&["hold", &waiting.run, "--reason", "lunch"]).ends(0);
    let (place, run) = waiting.dies();
    let resumed = works(&place, &["resume", &run]);
    let out = shows(&place, &format!("{N1}: is held: lunch"));
    assert!(out.contains("held  lunch; `dip continue"), "{out}");
    for step in [N1, N2] {
        place.dip(&["skip", &run, step, "--reason", "done by hand"]).ends(0).prints("obeys: skip");
    }
    let done = Waiting { place: Place(place.0.clone()), apply: resumed, run: run.clone() }.ends().ends(0);
    done.prints("2 skipped").tells(&format!("somebody holds the run: lunch; `dip continue {run}` lets it go on"));
}

/// A port that may not be changed for a century, on a switch that nobody can ask.
const CLOSED: &str = "version: 1
site: lab
domain: lab.example
racks: {r1: }
switches: {sw1: {rack: r1, kind: openvswitch, address: \"tcp:127.0.0.1:1\"}}
networks: {prod: {vlan: 20, prefixes: [{prefix: 10.0.1.0/24}]}}
nodes:
  n1: {rack: r1, nics: {eth0: {primary: true, mac: \"02:00:00:00:00:11\", link: sw1/p1, network: prod, address: 10.0.1.11}}}
conduct: {freezes: {century: {from: 2000-01-01T00:00:00Z, until: 2100-01-01T00:00:00Z, reason: no change in this century}}}
";

#[test]
fn whoever_looks_at_a_run_is_told_of_the_freeze_that_a_step_waits_for() {
    let place = Place::new("orders-freeze");
    place.write("site.yaml", CLOSED);
    let apply = works(&place, &["apply", "site.yaml", "--yes"]);
    let step = "network.set_port port/sw1/p1";
    shows(&place, &format!("{step}: waits until 2100-01-01T00:00:00Z: no change in this century"));
    let run = place.run();
    place
        .dip(&["why", &run, step])
        .ends(0)
        .prints("now:    waits until 2100-01-01T00:00:00Z: no change in this century");
    Waiting { place, apply, run }.dies();
}
