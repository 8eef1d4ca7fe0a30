//! What a machine consists of, against what the site expects.

use std::sync::Arc;

use dip_core::engine::Planner;
use dip_core::fact::firmware::HARDWARE;
use dip_core::observed::Observed;
use dip_core::report::Outcome;
use dip_core::site::{Lock, Site};
use dip_core::subject::Subject;
use dip_sandbox::Sandbox;

use crate::scene::{apply, layers, node, ready, site_of, text};

/// Two nodes that should have sixteen modules.
fn site(when_missing: &str) -> Arc<Site> {
    let profile = format!(
        "  base:\n    firmware: {{hardware: {{memory: {{count: 16, gib: 32, slots: [DIMM A3, DIMM A4]}}, processors: {{count: 2}}, when_missing: {when_missing}}}}}\n"
    );
    site_of(&text(2, &[("  base:\n", &profile)]), &Lock::default())
}

#[test]
fn a_missing_module_is_told_by_its_name_and_holds_up_its_node_alone() {
    let site = site("block");
    let sandbox = Sandbox::new(&site, 1);
    sandbox.by_hand().pull_dimm(&node("r1-n1"), "DIMM A3");
    sandbox.block_on(async {
        let report = apply(&site, &sandbox).await;
        assert_ne!(report.outcome, Outcome::Ready);
        let told: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
        let sentence = "r1-n1: DIMM A3 is missing: the profile `base` wants 16 modules of 32 GiB, 15 were found";
        assert!(told.iter().any(|told| told.contains(sentence)), "{told:#?}");
        assert_eq!((sandbox.boots(&node("r1-n1")), sandbox.boots(&node("r1-n2"))), (0, 1), "the other one goes on");
    });
}

#[test]
fn a_site_that_only_warns_brings_up_the_node_all_the_same() {
    let site = site("warn");
    let sandbox = Sandbox::new(&site, 1);
    sandbox.by_hand().pull_dimm(&node("r1-n1"), "DIMM A3");
    sandbox.block_on(async { ready(&apply(&site, &sandbox).await) });
}

#[test]
fn what_was_discovered_is_kept_as_a_reading() {
    let site = site("warn");
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        let (layers, providers, clock) = (layers(), sandbox.providers(), sandbox.clock());
        let mut seen = Observed::new();
        let planner = Planner::new(&layers, &providers).clock(&clock);
        planner.prepare(Arc::clone(&site), &mut seen).await.expect("a plan");
        let reading = seen.reading(&HARDWARE.of(&Subject::node(&node("r1-n2")))).expect("it was read");
        assert_eq!(reading.value["memory"].as_array().map(Vec::len), Some(16));
    });
}
