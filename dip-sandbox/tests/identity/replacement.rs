//! Parts that are exchanged under a running site: what the plan then contains, and that nothing else changes.

use std::sync::Arc;

use dip_core::guard::Erasure;
use dip_core::id::{DiskName, NicName};
use dip_core::identity::{Exchange, Fingerprint, Replacement};
use dip_core::report::Outcome;
use dip_core::site::{Lock, Node, NodeState, Site};
use dip_core::step::Hazard;
use dip_firmware::provider::Bmc;
use dip_sandbox::{Sandbox, Snapshot};

use crate::scene::{apply, node, planned, prepare, ready, site_of, text};

const MORE: (&str, &str) = (
    "    outlets: [",
    "    disks: {root: {serial: S1, purpose: system}, data: {serial: D1, purpose: data}}\n    outlets: [",
);

/// Two nodes with disks; the sandbox needs each serial number once, so that the second gets its own.
fn site(lock: &Lock) -> Arc<Site> {
    let (from, to) = MORE;
    let to = to.replace("S1", "\"S{n}\"").replace("D1", "\"D{n}\"");
    site_of(&text(2, &[(from, &to)]), lock)
}

/// What the controller of a node tells of its machine.
async fn seen(sandbox: &Sandbox, name: &str) -> Fingerprint {
    let bmc = sandbox.providers().find::<dyn Bmc>(&dip_core::subject::Subject::node(&node(name))).expect("it has one");
    let hardware = bmc.inventory().expect("it tells").hardware().await.expect("it answers");
    Fingerprint::of(&bmc.identity().await.expect("it answers"), Some(&hardware))
}

/// A lock that binds both nodes to their machines.
async fn bound(sandbox: &Sandbox) -> Lock {
    let mut lock = Lock::default();
    for name in ["r1-n1", "r1-n2"] {
        lock.machines.insert(node(name), seen(sandbox, name).await);
    }
    lock
}

/// What `dip replace r1-n1` writes down.
async fn replaced(lock: &Lock, sandbox: &Sandbox) -> Lock {
    let (mut lock, site) = (lock.clone(), site(lock));
    let now = seen(sandbox, "r1-n1").await;
    let wanted: &Node = &site.nodes[&node("r1-n1")];
    let exchanges = Exchange::between(wanted, &lock.machines[&node("r1-n1")], &now).expect("it is clear");
    let at = "2026-01-06T08:00:00Z".parse().expect("a time");
    lock.replaced.extend(exchanges.into_iter().map(|Exchange { part, was, now }| Replacement {
        node: node("r1-n1"),
        part,
        was,
        now,
        at,
        reason: None,
    }));
    lock.machines.insert(node("r1-n1"), now);
    lock
}

/// The other node, and everything of it, is as before.
fn other_is_untouched(before: &Snapshot, after: &Snapshot) {
    let other = node("r1-n2");
    assert_eq!(before.nodes[&other], after.nodes[&other]);
    assert_eq!((&before.ports, &before.outlets), (&after.ports, &after.outlets));
    assert_eq!((&before.names, &before.targets), (&after.names, &after.targets));
    let of = |snapshot: &Snapshot| -> Vec<_> {
        let records = snapshot.records.values().flatten();
        records.filter(|held| held.record.node == other).cloned().collect()
    };
    assert_eq!(of(before), of(after));
}

/// The files on the disk of the node, with all else that stands there.
fn keeps_its_data(before: &Snapshot, after: &Snapshot) {
    let of = |snapshot: &Snapshot| snapshot.nodes[&node("r1-n1")].files.clone();
    assert_eq!(of(before), of(after));
    assert!(after.nodes[&node("r1-n1")].wiped.is_empty());
}

#[test]
fn a_card_that_was_exchanged_moves_its_reservation_and_its_interface_in_the_cmdb_and_nothing_else() {
    let unbound = site(&Lock::default());
    let sandbox = Sandbox::new(&unbound, 1);
    sandbox.block_on(async {
        ready(&apply(&unbound, &sandbox).await);
        let lock = bound(&sandbox).await;
        assert!(planned(&site(&lock), &sandbox).await.is_empty(), "binding changes nothing");
        let before = sandbox.snapshot();
        let eth0 = NicName::new("eth0").expect("a name");
        let (old, new) = ("02:00:00:00:01:01", "02:00:00:00:99:01");
        sandbox.by_hand().swap_nic(&node("r1-n1"), &eth0, new.parse().expect("a MAC address"));

        let lock = replaced(&lock, &sandbox).await;
        let parts: Vec<_> = lock.replaced.iter().map(|part| (part.part.to_string(), &*part.was, &*part.now)).collect();
        assert_eq!(parts, [("nic/eth0".to_owned(), old, new)]);
        let site = site(&lock);
        let steps = planned(&site, &sandbox).await;
        assert!(steps.contains(&"network.reserve_address nic/r1-n1/eth0".to_owned()), "{steps:#?}");
        let foreign: Vec<_> = steps.iter().filter(|step| step.contains("r1-n2")).collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
        ready(&apply(&site, &sandbox).await);

        let after = sandbox.snapshot();
        let macs: Vec<_> = after.reservations.values().flatten().map(|held| held.reservation.mac.to_string()).collect();
        assert!(macs.contains(&new.to_owned()) && !macs.contains(&old.to_owned()), "{macs:?}");
        assert_eq!(macs.len(), 2);
        other_is_untouched(&before, &after);
        keeps_its_data(&before, &after);
        let mut records = before.records.clone();
        let nics = records.values_mut().flatten().flat_map(|held| &mut held.record.nics);
        let moved = nics.filter(|nic| nic.mac == old.parse().ok()).map(|nic| nic.mac = new.parse().ok()).count();
        assert_eq!((moved, &records), (1, &after.records), "the machine is the same, but for its card");
        assert!(planned(&site, &sandbox).await.is_empty());
    });
}

#[test]
fn a_board_that_was_exchanged_holds_up_its_node_until_it_is_said_and_then_moves_its_record() {
    let unbound = site(&Lock::default());
    let sandbox = Sandbox::new(&unbound, 1);
    sandbox.block_on(async {
        ready(&apply(&unbound, &sandbox).await);
        let lock = bound(&sandbox).await;
        let before = sandbox.snapshot();
        sandbox.by_hand().swap_board(&node("r1-n1"), "B-NEW", "11111111-2222-4333-8444-555555555555");

        let report = apply(&site(&lock), &sandbox).await;
        assert_ne!(report.outcome, Outcome::Ready);
        let told: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
        assert!(
            told.iter().any(|told| told.contains("the machine of node `r1-n1` has another main board")),
            "{told:#?}"
        );
        assert_eq!(sandbox.snapshot().records, before.records, "nothing follows it before a person has looked");

        let lock = replaced(&lock, &sandbox).await;
        assert_eq!(lock.replaced.iter().map(|part| part.part.to_string()).collect::<Vec<_>>(), ["board"]);
        let site = site(&lock);
        assert_eq!(planned(&site, &sandbox).await, ["opsmgmt.record_node node/r1-n1"]);
        ready(&apply(&site, &sandbox).await);
        let after = sandbox.snapshot();
        let uuids: Vec<_> =
            after.records.values().flatten().filter_map(|held| held.record.identity.uuid.clone()).collect();
        assert!(uuids.contains(&"11111111-2222-4333-8444-555555555555".to_owned()), "{uuids:?}");
        other_is_untouched(&before, &after);
        keeps_its_data(&before, &after);
        assert_eq!(before.reservations, after.reservations);
    });
}

#[test]
fn a_chassis_that_was_exchanged_keeps_the_data_disks_and_retires_the_old_serial_number() {
    let unbound = site(&Lock::default());
    let sandbox = Sandbox::new(&unbound, 1);
    sandbox.block_on(async {
        ready(&apply(&unbound, &sandbox).await);
        let lock = bound(&sandbox).await;
        let before = sandbox.snapshot();
        sandbox.by_hand().swap_chassis(&node("r1-n1"), "NEW-CHASSIS");
        assert_ne!(apply(&site(&lock), &sandbox).await.outcome, Outcome::Ready, "a person must look");

        let lock = replaced(&lock, &sandbox).await;
        let site = site(&lock);
        assert_eq!(site.nodes[&node("r1-n1")].serial.as_deref(), Some("NEW-CHASSIS"));
        assert_eq!((&*lock.replaced[0].was, &*lock.replaced[0].now), ("R001N001", "NEW-CHASSIS"));
        let plan = prepare(&site, &sandbox, &sandbox.providers()).await.plan;
        assert!(
            plan.steps().iter().all(|planned| planned.step.hazard == Hazard::None),
            "nothing is erased or disrupted"
        );
        ready(&apply(&site, &sandbox).await);
        let after = sandbox.snapshot();
        other_is_untouched(&before, &after);
        keeps_its_data(&before, &after);
        assert_eq!(before.reservations, after.reservations);
    });
}

#[test]
fn a_consent_to_erase_does_not_carry_over_to_the_disk_that_came_instead() {
    let unbound = site(&Lock::default());
    let sandbox = Sandbox::new(&unbound, 1);
    sandbox.block_on(async {
        ready(&apply(&unbound, &sandbox).await);
        let lock = bound(&sandbox).await;
        sandbox.by_hand().swap_disk(&node("r1-n1"), &DiskName::new("data").expect("a name"), "D-NEW");
        let lock = replaced(&lock, &sandbox).await;
        let site = site(&lock);
        assert!(planned(&site, &sandbox).await.is_empty(), "a new disk alone changes nothing");
        // What an erasure of the node would name now, and so what a consent would have to.
        let mut absent = Site::clone(&site);
        let r1n1 = absent.nodes.get_mut(&node("r1-n1")).expect("it is there");
        r1n1.state = NodeState::Absent;
        r1n1.settings.layers.get_mut(&dip_core::id::LayerId::Os).expect("settings")["wipe"] =
            serde_json::json!("when_absent");
        let plan = prepare(&Arc::new(absent), &sandbox, &sandbox.providers()).await.plan;
        let erased: Vec<String> = Erasure::all(&plan).into_iter().flat_map(|erasure| erasure.serials).collect();
        assert_eq!(erased, ["D-NEW", "S1"], "who consented to `D1` has not consented to this");
    });
}

#[test]
fn a_node_in_quarantine_is_left_alone_by_everything() {
    let all = site(&Lock::default());
    let sandbox = Sandbox::new(&all, 1);
    sandbox.block_on(async {
        ready(&apply(&all, &sandbox).await);
        let before = sandbox.snapshot();
        let mut site = Site::clone(&all);
        site.nodes.get_mut(&node("r1-n1")).expect("it is there").state = NodeState::Quarantine;
        let site = Arc::new(site);
        // Whatever becomes of it: nobody looks, nobody acts, and the others are as wanted.
        sandbox.by_hand().power_off(&node("r1-n1"));
        sandbox.by_hand().swap_board(&node("r1-n1"), "B-NEW", "11111111-2222-4333-8444-555555555555");
        let prepared = prepare(&site, &sandbox, &sandbox.providers()).await;
        let about: Vec<_> = prepared.draft.steps().iter().filter(|step| step.name.as_str().contains("r1-n1")).collect();
        assert!(about.is_empty(), "{about:#?}");
        assert!(prepared.plan.is_empty());
        let after = sandbox.snapshot();
        assert_eq!(before.records, after.records);
        assert_eq!(before.reservations, after.reservations);
    });
}
