//! Power by the outlets of PDUs: the last resort for a BMC that hangs, and the only power of a node without one.

use std::sync::Arc;

use dip_core::hardware::PowerState;
use dip_core::id::LayerId;
use dip_core::report::Outcome;
use dip_core::site::{Format, Lock, Site, Source};
use dip_core::step::Hazard;
use dip_sandbox::{Fault, Sandbox, datacenter};

use crate::scene::{apply, layers, node, plan, ready};

/// Two nodes in two racks, each fed by both PDUs, which can be switched.
fn site(last_resort: &str) -> Site {
    let text = datacenter(2, 2)
        .replace(
            ", outlets: 1}",
            ", outlets: 2, kind: snmp, address: 10.9.0.40, version: v2c, community: env:COMMUNITY}",
        )
        .replace("outlets: [\"pdu{r}/{n}\"]", "outlets: [\"pdu1/{r}\", \"pdu2/{r}\"]")
        .replace("  base:\n", &format!("  base:\n{last_resort}"));
    let source = Source::new("site.yaml", Format::Yaml, text);
    let resolved = Site::parse(&[source], &layers().settings(), &Lock::default());
    resolved.unwrap_or_else(|faults| panic!("the site file has faults:\n{faults}")).site
}

const OUTLET: &str = "    firmware: {last_resort: outlet}\n";

/// How often outlets were switched, by PDU and word.
fn switched(sandbox: &Sandbox) -> Vec<String> {
    let mutations = sandbox.mutations();
    let switches = mutations.iter().filter(|(mutation, _)| mutation.action.starts_with("switch outlet"));
    switches.map(|(mutation, count)| format!("{count} × {mutation}")).collect()
}

#[test]
fn a_bmc_that_hangs_is_brought_back_by_both_feeds_of_its_node_and_by_no_other_outlet() {
    let site = Arc::new(site(OUTLET));
    let sandbox = Sandbox::new(&site, 1);
    sandbox.inject(Fault::BmcHangs { node: node("r1-n1") });
    sandbox.block_on(async {
        let planned = plan(&site, &sandbox).await.plan;
        let step = planned.steps().iter().find(|step| step.step.name.as_str() == "firmware.revive_bmc node/r1-n1");
        let step = step.expect("the plan tells what will be done about it");
        assert_eq!((step.step.layer, step.step.hazard), (LayerId::Firmware, Hazard::Disrupts));
        ready(&apply(&site, &sandbox).await);
        let expected =
            ["off", "on"].map(|word| ["pdu1", "pdu2"].map(|pdu| format!("1 × switch outlet 1 {word} pdu/{pdu}")));
        let mut expected = expected.concat();
        expected.sort_by_key(|text| text.split_once('/').map(|(_, pdu)| pdu.to_owned()));
        assert_eq!(switched(&sandbox), expected);
        let left = plan(&site, &sandbox).await.plan;
        assert!(left.is_empty(), "its BMC answers");
    });
}

#[test]
fn no_outlet_is_touched_where_the_site_does_not_allow_it() {
    let site = Arc::new(site(""));
    let sandbox = Sandbox::new(&site, 1);
    sandbox.inject(Fault::BmcHangs { node: node("r1-n1") });
    sandbox.block_on(async {
        let report = apply(&site, &sandbox).await;
        assert_ne!(report.outcome, Outcome::Ready);
        assert_eq!(switched(&sandbox), Vec::<String>::new());
    });
}

#[test]
fn a_bmc_that_comes_back_by_itself_keeps_its_power() {
    let site = Arc::new(site(OUTLET));
    let sandbox = Sandbox::new(&site, 1);
    sandbox.inject(Fault::BmcSilent { node: node("r1-n1"), lasting: std::time::Duration::from_secs(100) });
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        assert_eq!(switched(&sandbox), Vec::<String>::new());
    });
}

#[test]
fn a_node_without_a_bmc_is_started_by_its_outlets() {
    let mut site = site("");
    if let Some(bare) = site.nodes.get_mut("r1-n1") {
        bare.bmc = None;
    }
    let site = Arc::new(site);
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        let state = sandbox.snapshot();
        assert!(state.nodes.values().all(|node| node.answers && node.power == PowerState::On));
        assert_eq!(sandbox.boots(&node("r1-n1")), 1);
        assert_eq!(switched(&sandbox), ["1 × switch outlet 1 on pdu/pdu1", "1 × switch outlet 1 on pdu/pdu2"]);
        assert!(plan(&site, &sandbox).await.plan.is_empty());
    });
}
