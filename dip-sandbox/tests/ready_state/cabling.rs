//! Cables that end elsewhere than the site file says are told before anything relies on them; and switches that are saved.

use std::sync::Arc;

use dip_core::id::{NodeName, Symbol};
use dip_core::plan::render::text;
use dip_core::site::{Cabling, PortRef, Site};
use dip_sandbox::Sandbox;

use crate::scene::{apply, node, plan, ready, site};

/// A site whose switches tell whom they hear, and start with what they were last told to save.
fn heard(nodes: usize) -> Arc<Site> {
    let mut site = Arc::unwrap_or_clone(site(nodes, 1));
    for switch in site.switches.values_mut() {
        switch.cabling = Cabling::Lldp;
        if let Some(driver) = &mut switch.driver {
            driver.kind = Symbol::of("netconf");
            driver.settings = serde_json::json!({"save": true});
        }
    }
    Arc::new(site)
}

fn link(site: &Site, node: &NodeName) -> PortRef {
    site.nodes[node].nics.values().find_map(|nic| nic.link.clone()).expect("it is cabled")
}

#[test]
fn swapped_cables_are_told_as_sentences_and_hold_up_only_what_relies_on_them() {
    let site = heard(4);
    let sandbox = Sandbox::new(&site, 1);
    let (first, second) = (node("r1-n1"), node("r1-n2"));
    let (one, two) = (link(&site, &first), link(&site, &second));
    sandbox.by_hand().swap_cables(&one, &two);
    sandbox.block_on(async {
        // Machines without power say nothing, and nothing is held against them.
        let prepared = plan(&site, &sandbox).await;
        assert!(!text(&prepared.plan).contains("the site says"), "nobody was heard yet");
        sandbox.by_hand().power_on(&first);
        sandbox.by_hand().power_on(&second);
        let told = text(&plan(&site, &sandbox).await.plan);
        for (node, real, said) in [(&first, &two, &one), (&second, &one, &two)] {
            assert!(told.contains(&format!("node {node} eth0 is on {real}, the site says {said}")), "{told}");
        }
        let report = apply(&site, &sandbox).await.to_string();
        assert!(report.contains("move the cable, or correct `link` in the site file"), "{report}");
        let state = sandbox.snapshot();
        for node in [&first, &second] {
            assert!(!state.nodes[node].answers, "{node} is not brought up over a cable of somebody else");
        }
        // Once the cables are where they should be, all comes to its end.
        sandbox.by_hand().swap_cables(&one, &two);
        ready(&apply(&site, &sandbox).await);
        ready(&apply(&site, &sandbox).await);
    });
    let saves = sandbox.mutations().keys().filter(|mutation| format!("{mutation:?}").contains("save")).count();
    assert!(saves > 0, "the switch was saved");
}
