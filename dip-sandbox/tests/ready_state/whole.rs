//! The main job in the sandbox: from all powered off to ready state with a cluster on top, through all seven layers.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Stop;
use dip_core::hardware::{PowerState, VlanId};
use dip_core::journal::MemoryJournal;
use dip_core::report::Outcome;
use dip_sandbox::{Fault, Faults, Phase, Sandbox, datacenter};

use crate::scene::{apply, apply_until, engine, node, parsed, plan, ready, site};

#[test]
fn a_dark_datacenter_comes_to_ready_state_and_a_second_run_changes_nothing() {
    let site = site(12, 4);
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        let (state, mutations) = (sandbox.snapshot(), sandbox.mutations());
        assert!(state.nodes.values().all(|node| node.answers && node.power == PowerState::On));
        assert!(state.keys.values().all(|keys| !keys.is_empty()), "the cluster took a write");
        assert!(site.nodes.keys().all(|node| sandbox.boots(node) == 1), "every node was started once");
        let again = plan(&site, &sandbox).await;
        let left: Vec<_> = again.plan.steps().iter().map(|step| step.step.name.to_string()).collect();
        assert!(left.is_empty(), "{left:?}");
        ready(&apply(&site, &sandbox).await);
        assert_eq!(sandbox.mutations(), mutations);
        assert_eq!(sandbox.snapshot(), state);
    });
}

#[test]
fn whatever_products_a_site_has_they_are_simulated() {
    let text = datacenter(4, 2);
    for (old, new) in [
        (
            "{kind: dnsmasq, hosts_directory: dnsmasq/hosts.d, pid_file: dnsmasq/pid}",
            "{kind: kea, dhcp4: \"unix:/run/kea/kea4.sock\", dhcp6: \"unix:/run/kea/kea6.sock\"}",
        ),
        ("{kind: directory, path: cmdb}", "{kind: nautobot, url: \"https://cmdb.example\", token: env:DIP_CMDB_TOKEN}"),
        ("{kind: directory, path: cmdb}", "{kind: csv, path: machines.csv}"),
    ] {
        assert!(text.contains(old), "{text}");
        let site = parsed(text.replace(old, new));
        let sandbox = Sandbox::new(&site, 1);
        ready(&sandbox.block_on(apply(&site, &sandbox)));
    }
    // PowerDNS and dnsmasq's hosts files, whose settings do not tell where they answer.
    let (head, rest) = text.split_once("  dns:\n").expect("the site has a DNS server");
    let (_, tail) = rest.split_once("  time:").expect("a time service stands behind it");
    for dns in [
        "{kind: powerdns, url: \"http://10.9.0.53:8081\", key: env:DIP_PDNS_KEY}",
        "{kind: dnsmasq_hosts, path: hosts.d}",
    ] {
        let site = parsed(format!("{head}  dns: {dns}\n  time:{tail}"));
        let sandbox = Sandbox::new(&site, 1);
        ready(&sandbox.block_on(apply(&site, &sandbox)));
    }
}

#[test]
fn the_same_seed_gives_the_same_course_of_events() {
    let course = |seed| {
        let site = site(8, 2);
        let sandbox = Sandbox::new(&site, seed);
        sandbox.inject_all(Faults::random(&site, seed, 0.3));
        sandbox.block_on(apply(&site, &sandbox));
        (sandbox.elapsed(), sandbox.log(), sandbox.mutations())
    };
    assert_eq!(course(3), course(3));
    assert_ne!(course(3).0, course(4).0);
}

#[test]
fn faults_are_survived_and_told_and_the_end_is_the_same() {
    let site = site(12, 4);
    let calm = Sandbox::new(&site, 1);
    ready(&calm.block_on(apply(&site, &calm)));
    let rough = Sandbox::new(&site, 1);
    rough.inject(Fault::PowerCommandLost { node: node("r1-n1"), times: 1 });
    rough.inject(Fault::BmcSilent { node: node("r2-n1"), lasting: Duration::from_secs(40) });
    rough.inject(Fault::BootSlow { node: node("r3-n1"), by: Duration::from_secs(200), times: 1 });
    let dns = site.services.keys().find(|name| name.as_str() == "dns").expect("the site has a DNS server");
    rough.inject(Fault::ServiceBusy { service: dns.clone(), times: 3 });
    ready(&rough.block_on(apply(&site, &rough)));
    let bites = rough.log().iter().filter(|incident| incident.phase == Phase::Bit).count();
    assert_eq!(bites, 4, "{:#?}", rough.log());
    assert_eq!(rough.snapshot(), calm.snapshot());
    assert!(site.nodes.keys().all(|node| rough.boots(node) == 1), "no node was started twice");
}

#[test]
fn faults_drawn_at_random_are_survived_too() {
    let site = site(8, 2);
    for seed in 1..=6 {
        let sandbox = Sandbox::new(&site, seed);
        let faults = Faults::random(&site, seed, 0.5);
        assert!(!faults.is_empty(), "seed {seed} draws no fault");
        sandbox.inject_all(faults);
        ready(&sandbox.block_on(apply(&site, &sandbox)));
    }
}

#[test]
fn a_node_whose_boot_hangs_fails_alone() {
    let site = site(8, 2);
    let sandbox = Sandbox::new(&site, 1);
    sandbox.inject(Fault::BootHangs { node: node("r2-n4"), times: 1 });
    let report = sandbox.block_on(apply(&site, &sandbox));
    assert_eq!(report.outcome, Outcome::Failed);
    let failed: Vec<_> = report.failures().map(|step| step.name.as_str()).collect();
    assert_eq!(failed, ["os.await_answer node/r2-n4#1"]);
    let state = sandbox.snapshot();
    assert!(state.nodes.iter().all(|(name, state)| state.answers == (*name != node("r2-n4"))));
    assert!(state.keys.values().all(|keys| !keys.is_empty()), "the cluster, of which it is no member, took a write");
}

#[test]
fn a_dns_server_that_refuses_is_told_with_what_to_do() {
    let site = site(3, 1);
    let sandbox = Sandbox::new(&site, 1);
    let dns = site.services.keys().find(|name| name.as_str() == "dns").expect("the site has a DNS server");
    sandbox.inject(Fault::ServiceRefuses { service: dns.clone(), times: 1_000 });
    let report = sandbox.block_on(apply(&site, &sandbox));
    assert_eq!(report.outcome, Outcome::Failed);
    for step in report.failures() {
        let told = format!("{:?}", step.status);
        assert!(step.name.as_str().starts_with("opsmgmt.register_name"), "{}", step.name);
        assert!(told.contains("denied") && told.contains("check the credentials for service/dns"), "{told}");
    }
    assert_eq!(report.failures().count(), 3);
    assert!(sandbox.snapshot().nodes.values().all(|node| node.answers), "what does not need names is done");
}

#[test]
fn a_run_that_was_cut_off_is_resumed_to_the_same_end() {
    let site = site(8, 2);
    let whole = Sandbox::new(&site, 2);
    ready(&whole.block_on(apply(&site, &whole)));
    let cut = Sandbox::new(&site, 2);
    let journal = Arc::new(MemoryJournal::new());
    cut.block_on(async {
        // As by kill -9: the future is dropped in the middle, and only what the journal holds is left.
        let stop = Stop::new();
        let run = apply_until(&site, &cut, &journal, &stop);
        assert!(
            tokio::time::timeout(Duration::from_secs(100), run).await.is_err(),
            "the run ended too soon to be cut off"
        );
        assert_ne!(cut.snapshot(), whole.snapshot());
        let records = journal.records();
        let resumed = engine(&cut).resume(&records, Arc::<MemoryJournal>::clone(&journal), &Stop::new()).await;
        ready(&resumed.expect("the records are those of a run"));
    });
    assert_eq!(cut.snapshot(), whole.snapshot());
    assert!(site.nodes.keys().all(|node| cut.boots(node) == 1), "no node was started twice");
}

#[test]
fn drift_by_hand_is_found_and_mended_and_nothing_else_is_touched() {
    let site = site(8, 2);
    let sandbox = Sandbox::new(&site, 5);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        let before = sandbox.snapshot();
        let dns = site.services.keys().find(|name| name.as_str() == "dns").expect("the site has a DNS server");
        let hands = sandbox.by_hand();
        hands.delete_name(dns, "r1-n2.demo.example");
        hands.stop_service(&node("r1-n3"), "chrony");
        hands.move_port(&"sw2/p4".parse().expect("a port"), VlanId::try_from(7).expect("a VLAN"));
        hands.power_off(&node("r2-n3"));
        assert_ne!(sandbox.snapshot(), before);
        ready(&apply(&site, &sandbox).await);
        assert_eq!(sandbox.snapshot(), before);
        assert_eq!(sandbox.boots(&node("r2-n3")), 2);
        assert!(site.nodes.keys().filter(|name| **name != node("r2-n3")).all(|node| sandbox.boots(node) == 1));
    });
}
