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
    let mut command = place.command(&["apply", "site.yaml", "--yes"]);
    command.env("DIP_TSIG", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=").stdout(Stdio::piped()).stderr(Stdio::piped());
    let apply = command.spawn().expect("the command runs");
    let until = Instant::now() + Duration::from_secs(90);
    while place.count_journals() == 0 || !place.dip(&["show"]).out.contains("waits for attempt") {
        assert!(Instant::now() < until, "the run does not begin to wait");
        std::thread::sleep(Duration::from_millis(200));
    }
    let run = place.run();
    Waiting { place, apply, run }
}

impl Waiting {
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
