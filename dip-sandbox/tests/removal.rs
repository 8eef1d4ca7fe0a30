//! Nodes that go and records of other people, end to end: drained, deregistered, wiped, switched off; adopted, claimed, given
//! back.

use std::sync::Arc;

use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_cluster::provider::Membership;
use dip_core::actor::Actor;
use dip_core::engine::{Clock as _, Engine, EngineError, Planner, Prepared, Stop};
use dip_core::guard::{Consent, Guard};
use dip_core::hardware::PowerState;
use dip_core::id::{ClusterName, DiskName, LayerId, NodeName, ServiceName, SiteName};
use dip_core::journal::MemoryJournal;
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::operation::Gap;
use dip_core::plan::{Goal, Plan, Vertex};
use dip_core::provider::Holder;
use dip_core::report::{Outcome, Report};
use dip_core::site::{Claim, Disk, Format, Lock, Node, NodeState, Site, Source};
use dip_core::subject::Subject;
use dip_firmware::FirmwareLayer;
use dip_network::NetworkLayer;
use dip_network::provider::{Dhcp, Held};
use dip_opsclients::OpsClientsLayer;
use dip_opsmgmt::OpsMgmtLayer;
use dip_opsmgmt::provider::{Dns, Entry, EntryData, HeldName};
use dip_os::OsLayer;
use dip_sandbox::{Sandbox, datacenter};
use jiff::{SignedDuration, Timestamp};

fn layers() -> Layers {
    Layers::new()
        .with(NetworkLayer)
        .with(FirmwareLayer)
        .with(OsLayer)
        .with(OpsClientsLayer)
        .with(AppsLayer)
        .with(OpsMgmtLayer)
        .with(ClusterLayer)
}

/// Four nodes, three of them members of a cluster, all wanted at ready state.
fn site() -> Arc<Site> {
    let source = Source::new("site.yaml", Format::Yaml, datacenter(4, 2));
    match Site::parse(&[source], &layers().settings(), &Lock::default()) {
        Ok(resolved) => Arc::new(resolved.site),
        Err(faults) => panic!("the generated site file has faults:\n{faults}"),
    }
}

/// The same site with some of its nodes in another state.
fn with(site: &Arc<Site>, names: &[&str], state: NodeState) -> Arc<Site> {
    let mut site = Site::clone(site);
    for name in names {
        site.nodes.get_mut(&node(name)).expect("it is there").state = state;
    }
    Arc::new(site)
}

/// The site whose node `r1-n1` has two disks that are wiped where it is absent.
fn site_with_disks() -> Arc<Site> {
    let mut site = site();
    let r1n1 = Arc::make_mut(&mut site).nodes.get_mut(&node("r1-n1")).expect("it is there");
    for (name, serial) in [("root", "S1"), ("data", "D1")] {
        let disk = Disk { serial: Some(serial.to_owned()), ..Disk::default() };
        r1n1.disks.insert(DiskName::new(name).expect("a name"), disk);
    }
    let os = r1n1.settings.layers.get_mut(&LayerId::Os).expect("it has settings");
    os["wipe"] = serde_json::json!("when_absent");
    site
}

async fn seen(site: &Arc<Site>, sandbox: &Sandbox) -> Prepared {
    let (layers, providers, clock) = (layers(), sandbox.providers(), sandbox.clock());
    let prepared =
        Planner::new(&layers, &providers).clock(&clock).prepare(Arc::clone(site), &mut Observed::new()).await;
    prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
}

async fn apply(site: &Arc<Site>, sandbox: &Sandbox) -> Report {
    guarded(site, sandbox, Guard::default()).await.expect("memory takes every record")
}

async fn guarded(site: &Arc<Site>, sandbox: &Sandbox, guard: Guard) -> Result<Report, EngineError> {
    let plan = seen(site, sandbox).await.plan;
    let engine = Engine::new(layers().operations(), sandbox.providers()).clock(Arc::new(sandbox.clock()));
    engine.guard(guard).run("test", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await
}

/// What somebody has said who has seen which disks are meant.
fn consent(site: &Arc<Site>, node: NodeName, serials: &[&str], given: Timestamp) -> Guard {
    let consent = Consent {
        site: site.name.clone(),
        node,
        serials: serials.iter().map(ToString::to_string).collect(),
        plan: None,
        by: Actor::of_this_process(),
        reason: "the machine is sold".to_owned(),
        given,
        expires: given + SignedDuration::from_hours(4),
    };
    Guard { consents: vec![consent], ..Guard::default() }
}

#[track_caller]
fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

/// Compares with a golden file; with `DIP_BLESS=1` it writes it instead.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} is not as it was; look at it, and bless it with DIP_BLESS=1", path.display());
}

/// The steps in an order that the plan's graph allows.
fn order(plan: &Plan) -> Vec<String> {
    let steps =
        plan.graph().topological().into_iter().filter_map(|vertex| match plan.graph().vertices()[vertex.index()] {
            Vertex::Step(step) => Some(plan.step(step).step.name.to_string()),
            _ => None,
        });
    steps.collect()
}

#[track_caller]
fn stand_in_order(plan: &Plan, names: &[&str]) {
    let order = order(plan);
    let places: Vec<_> = names
        .iter()
        .map(|name| order.iter().position(|step| step == name).unwrap_or_else(|| panic!("no {name} in {order:#?}")))
        .collect();
    assert!(places.is_sorted(), "{order:#?}");
}

#[test]
fn an_absent_member_is_drained_deregistered_wiped_and_switched_off_and_twice_is_once() {
    let before = site_with_disks();
    let after = with(&before, &["r1-n1"], NodeState::Absent);
    let sandbox = Sandbox::new(&before, 1);
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        let gone = seen(&after, &sandbox).await;
        stand_in_order(
            &gone.plan,
            &[
                "cluster.remove_member member/store/r1-n1",
                "apps.stop_member member/store/r1-n1",
                "opsmgmt.remove_name node/r1-n1",
                "os.wipe_disks node/r1-n1",
                "firmware.power_off node/r1-n1",
                "network.release_address nic/r1-n1/eth0",
            ],
        );
        stand_in_order(
            &gone.plan,
            &[
                "cluster.remove_member member/store/r1-n1",
                "opsmgmt.remove_target node/r1-n1",
                "os.wipe_disks node/r1-n1",
            ],
        );
        stand_in_order(
            &gone.plan,
            &[
                "cluster.remove_member member/store/r1-n1",
                "opsmgmt.remove_record node/r1-n1",
                "firmware.power_off node/r1-n1",
                "network.release_port port/sw1/p1",
            ],
        );
        assert_eq!(gone.plan.steps().len(), 9, "{:#?}", order(&gone.plan));
        let wipe = gone.plan.steps().iter().find(|planned| !planned.step.erases.is_empty()).expect("it wipes");
        assert_eq!(
            wipe.step.erases.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            ["D1", "S1"],
            "a consent names these"
        );
        let shown = dip_core::plan::render::text(&gone.plan);
        golden("removal_plan.txt", shown.split_once(':').map_or("", |(_, rest)| rest));

        // Nobody has consented, or not to all of it: nothing at all is done.
        for serials in [&[][..], &["S1"]] {
            let consent = consent(&after, node("r1-n1"), serials, sandbox.clock().now());
            let refused = guarded(&after, &sandbox, consent).await.expect_err("it erases");
            assert!(matches!(refused, EngineError::Refused(_)), "{refused}");
        }
        assert_eq!(sandbox.snapshot().nodes[&node("r1-n1")].power, PowerState::On);
        let both = consent(&after, node("r1-n1"), &["D1", "S1"], sandbox.clock().now());
        ready(&guarded(&after, &sandbox, both).await.expect("it is consented to"));
        let state = sandbox.snapshot();
        let r1n1 = &state.nodes[&node("r1-n1")];
        assert_eq!((r1n1.power, r1n1.wiped.len()), (PowerState::Off, 2));
        let text = serde_json::to_string(&(&state.names, &state.records, &state.reservations)).expect("JSON");
        assert!(!text.contains("r1-n1"), "nothing tells of it any more: {text}");
        let cluster = Subject::cluster(&ClusterName::new("store").expect("a name"));
        let members = sandbox.providers().find::<dyn Membership>(&cluster).expect("the site has one");
        assert!(!members.roster().await.expect("it has quorum").contains(&"r1-n1".to_owned()));
        assert!(state.nodes.iter().all(|(name, state)| state.answers == (*name != node("r1-n1"))), "all others go on");

        let mutations = sandbox.mutations();
        let again = seen(&after, &sandbox).await;
        assert!(again.plan.is_empty(), "{:#?}", order(&again.plan));
        assert!(again.drift().is_none(), "{:?}", again.drift());
        ready(&apply(&after, &sandbox).await);
        assert_eq!(sandbox.mutations(), mutations);
        assert_eq!(sandbox.boots(&node("r1-n1")), 1, "nobody starts it again");
    });
}

#[test]
fn a_removal_that_breaks_the_quorum_is_told_and_not_planned() {
    let after = with(&site(), &["r1-n1", "r2-n1"], NodeState::Absent);
    let sandbox = Sandbox::new(&after, 1);
    let (layers, providers, clock) = (layers(), sandbox.providers(), sandbox.clock());
    for goal in [Goal::Everything, Goal::Ready] {
        let error = sandbox
            .block_on(
                Planner::new(&layers, &providers)
                    .goal(goal)
                    .clock(&clock)
                    .prepare(Arc::clone(&after), &mut Observed::new()),
            )
            .expect_err("one of three is no quorum");
        assert!(error.to_string().contains("cluster `store` would lose its quorum"), "{error}");
    }
}

#[test]
fn a_dead_machine_is_removed_from_everywhere_else() {
    let before = site_with_disks();
    let after = with(&before, &["r1-n1"], NodeState::Absent);
    let sandbox = Sandbox::new(&before, 2);
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        sandbox.by_hand().power_off(&node("r1-n1"));
        let gone = seen(&after, &sandbox).await;
        let left: Vec<_> = gone.left_out().map(|(step, _)| step.name.to_string()).collect();
        assert_eq!(left, ["apps.stop_member member/store/r1-n1", "os.wipe_disks node/r1-n1"]);
        ready(&apply(&after, &sandbox).await);
        let state = sandbox.snapshot();
        assert!(state.nodes[&node("r1-n1")].wiped.is_empty(), "nobody could");
        let text = serde_json::to_string(&(&state.names, &state.records, &state.reservations)).expect("JSON");
        assert!(!text.contains("r1-n1"), "{text}");
        assert!(seen(&after, &sandbox).await.plan.is_empty());
        assert_eq!(sandbox.boots(&node("r1-n1")), 1, "nobody starts a machine to take it away");
    });
}

#[test]
fn the_address_and_the_port_of_an_absent_node_go_to_another_one() {
    let whole = site();
    let sandbox = Sandbox::new(&whole, 3);
    let mut before = Arc::clone(&whole);
    Arc::make_mut(&mut before).nodes.remove(&node("r2-n2"));
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        // The machine of r1-n2 goes on as r2-n2, with its card, its cable and its BMC, in the same rack.
        let mut after = Site::clone(&before);
        let former = after.nodes[&node("r1-n2")].clone();
        let next = Node { name: node("r2-n2"), ..former };
        after.nodes.insert(next.name.clone(), next);
        after.nodes.get_mut(&node("r1-n2")).expect("it is there").state = NodeState::Absent;
        let after = Arc::new(after);
        let gone = seen(&after, &sandbox).await;
        let names = order(&gone.plan);
        for not in ["firmware.power_off", "network.release_port", "network.release_address"] {
            assert!(!names.iter().any(|name| name.starts_with(not)), "{not} is the other node's: {names:#?}");
        }
        assert!(names.contains(&"opsmgmt.remove_name node/r1-n2".to_owned()), "{names:#?}");
    });
}

#[test]
fn a_node_that_vanished_from_the_file_is_left_alone_and_listed() {
    let before = site();
    let mut after = Arc::clone(&before);
    Arc::make_mut(&mut after).nodes.remove(&node("r1-n2"));
    let sandbox = Sandbox::new(&before, 4);
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        assert!(layers().leftovers(&before, &sandbox.providers()).await.is_empty());
        let mutations = sandbox.mutations();
        assert!(seen(&after, &sandbox).await.plan.is_empty());
        ready(&apply(&after, &sandbox).await);
        assert_eq!(sandbox.mutations(), mutations, "nothing of it is touched");
        let left = layers().leftovers(&after, &sandbox.providers()).await;
        let told: Vec<_> =
            left.orphans.iter().map(|orphan| format!("{} {} {}", orphan.of, orphan.service, orphan.what)).collect();
        let expected = [
            "r1-n2 cmdb record nodes/r1-n2",
            "r1-n2 dhcp reservation of 02:00:00:00:01:02",
            "r1-n2 dns name r1-n2.demo.example",
            "r1-n2 monitoring target 10.1.1.11:9100",
        ];
        assert_eq!(told, expected);
        assert!(left.unlisted.is_empty(), "{:?}", left.unlisted);
    });
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("a name")
}

#[test]
fn a_site_that_already_runs_is_adopted_and_nothing_that_holds_is_changed() {
    let site = site();
    let sandbox = Sandbox::new(&site, 5);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        // As if somebody else had set all of it up: right values, and nobody's mark. No journal of ours is left.
        let (state, owner) = (sandbox.snapshot(), site.name.clone());
        let providers = sandbox.providers();
        let dns = providers.find::<dyn Dns>(&Subject::service(&service("dns"))).expect("the site has one");
        let dhcp = providers.find::<dyn Dhcp>(&Subject::service(&service("dhcp"))).expect("the site has one");
        for node in site.nodes.values() {
            dns.disown(&site.host_name(node), &owner).await.expect("it is ours");
            for mac in node.nics.values().filter_map(|nic| nic.mac) {
                dhcp.disown(mac, &owner).await.expect("it is ours");
            }
        }
        let (unmarked, mutations) = (sandbox.snapshot(), sandbox.mutations());
        assert_ne!(unmarked, state);
        assert!(seen(&site, &sandbox).await.plan.is_empty());
        ready(&apply(&site, &sandbox).await);
        assert_eq!((sandbox.snapshot(), sandbox.mutations()), (unmarked, mutations), "it holds, and stays unmarked");
    });
}

/// The names and reservations of a node, as somebody else wrote them.
fn somebody_elses(sandbox: &Sandbox, site: &Site, owner: Option<&str>) {
    let owner = owner.map(|owner| SiteName::new(owner).expect("a name"));
    let r1n1 = &site.nodes[&node("r1-n1")];
    let nic = r1n1.nics.values().next().expect("it has one");
    let other = "10.1.1.240".parse().expect("an address");
    let held = HeldName { addresses: vec![other], owner: owner.clone() };
    sandbox.by_hand().write_name(&service("dns"), &site.host_name(r1n1), held);
    let mac = nic.mac.expect("it has one");
    let reservation =
        dip_network::provider::Reservation { mac, addresses: vec![other], duid: None, host_name: None, boot: None };
    sandbox.by_hand().write_reservation(&service("dhcp"), Held { reservation, owner });
}

/// Claims what a survey finds to be somebody else's, as `dip claim` does.
async fn claim(site: &mut Arc<Site>, sandbox: &Sandbox) -> usize {
    let (layers, providers) = (layers(), sandbox.providers());
    let seen = seen(site, sandbox).await;
    let mut claimed = 0;
    for (step, _) in seen.unknown().filter(|(_, gap)| matches!(gap, Gap::Foreign(_))) {
        for layer in layers.iter() {
            if let Some(held) = layer.held(step, &providers).await.expect("the server answers") {
                claimed += 1;
                Arc::make_mut(site).claims.add(Claim {
                    operation: step.call.operation().to_owned(),
                    subject: step.subject.clone(),
                    holder: held.holder,
                    was: held.says,
                    at: "2026-01-05T08:00:00Z".parse().expect("a time"),
                    by: None,
                    reason: None,
                });
            }
        }
    }
    claimed
}

#[test]
fn records_of_somebody_else_are_left_alone_until_they_are_claimed_and_can_be_given_back() {
    for owner in [None, Some("north")] {
        let mut site = site();
        let sandbox = Sandbox::new(&site, 6);
        somebody_elses(&sandbox, &site, owner);
        sandbox.block_on(async {
            let before = sandbox.snapshot();
            let foreign = seen(&site, &sandbox).await;
            let told: Vec<_> = foreign.unknown().filter(|(_, gap)| matches!(gap, Gap::Foreign(_))).collect();
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told.iter().all(|(_, gap)| gap.to_string().contains("dip claim")), "{told:?}");
            assert_eq!(apply(&site, &sandbox).await.outcome, Outcome::Failed);
            let name = |state: &dip_sandbox::Snapshot| serde_json::to_value(&state.names).expect("JSON")["dns"]["r1-n1.demo.example"].clone();
            assert_eq!(name(&sandbox.snapshot()), name(&before), "it is left as it was");

            assert_eq!(claim(&mut site, &sandbox).await, 2);
            assert!(site.claims.iter().all(|claim| claim.holder == Holder::from(owner.map(|owner| SiteName::new(owner).expect("a name")))));
            ready(&apply(&site, &sandbox).await);
            assert!(seen(&site, &sandbox).await.plan.is_empty(), "twice is once");
            let dns = sandbox.providers().find::<dyn Dns>(&Subject::service(&service("dns"))).expect("the site has one");
            let held = dns.name("r1-n1.demo.example").await.expect("it answers").expect("it is there");
            assert_eq!(held.owner.as_ref(), Some(&site.name));

            // Released: the mark goes and the values stay, so all holds without a claim as well.
            let (providers, layers) = (sandbox.providers(), layers());
            let claimed: Vec<_> = site.claims.iter().map(|claim| (claim.operation.clone(), claim.subject.clone())).collect();
            let seen_before = seen(&site, &sandbox).await;
            for (operation, subject) in &claimed {
                let mut steps = seen_before.draft.steps().iter();
                let step = steps.find(|step| step.call.operation() == operation && step.subject == *subject);
                let step = step.expect("the step is still wanted");
                for layer in layers.iter() {
                    layer.disown(step, &providers).await.expect("it is ours");
                }
                Arc::make_mut(&mut site).claims.take_out(operation, subject);
            }
            let released = dns.name("r1-n1.demo.example").await.expect("it answers").expect("it is there");
            assert_eq!((released.owner, released.addresses), (None, held.addresses));
            assert!(seen(&site, &sandbox).await.plan.is_empty());
        });
    }
}

#[test]
fn a_claim_covers_the_holder_that_was_seen_and_nobody_else() {
    let mut site = site();
    let sandbox = Sandbox::new(&site, 7);
    somebody_elses(&sandbox, &site, None);
    sandbox.block_on(async {
        assert_eq!(claim(&mut site, &sandbox).await, 2);
        // Between the review and the run another site took the records.
        somebody_elses(&sandbox, &site, Some("north"));
        let foreign = seen(&site, &sandbox).await;
        assert_eq!(foreign.unknown().filter(|(_, gap)| matches!(gap, Gap::Foreign(_))).count(), 2);
        assert_eq!(apply(&site, &sandbox).await.outcome, Outcome::Failed);
    });
}

#[test]
fn a_record_that_is_taken_out_of_the_site_file_leaves_dns_and_those_of_others_stay() {
    let with_dns = |dns: serde_json::Value| {
        let mut site = site();
        let r1n1 = Arc::make_mut(&mut site).nodes.get_mut(&node("r1-n1")).expect("it is there");
        r1n1.settings.layers.insert(LayerId::OpsMgmt, serde_json::json!({ "dns": dns }));
        site
    };
    let before = with_dns(serde_json::json!({
        "aliases": ["www"], "services": [{"service": "etcd-server", "port": 2380}], "texts": ["rack r1"],
    }));
    let after = with_dns(serde_json::json!({"aliases": ["www"]}));
    let sandbox = Sandbox::new(&before, 8);
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        let entries = || serde_json::to_value(&sandbox.snapshot().entries).expect("JSON")["dns"].clone();
        let srv =
            |target: &str| serde_json::json!({"srv": {"priority": 0, "weight": 0, "port": 2380, "target": target}});
        let (host, alias) = ("r1-n1.demo.example", serde_json::json!([{"cname": "r1-n1.demo.example"}]));
        let service_name = "_etcd-server._tcp.demo.example";
        let all = serde_json::json!({
            service_name: [srv(host)], host: [{"txt": "rack r1"}], "www.demo.example": alias.clone(),
        });
        assert_eq!(entries(), all);
        let target = "elsewhere.example".to_owned();
        let theirs = EntryData::Srv { priority: 0, weight: 0, port: 2380, target };
        let theirs = Entry { name: service_name.to_owned(), ttl: None, data: theirs };
        sandbox.by_hand().write_entry(&service("dns"), &theirs);

        let plan = seen(&after, &sandbox).await.plan;
        let steps: Vec<_> = plan.steps().iter().map(|planned| planned.step.name.to_string()).collect();
        assert_eq!(steps, ["opsmgmt.register_name node/r1-n1"]);
        ready(&apply(&after, &sandbox).await);
        assert_eq!(entries(), serde_json::json!({service_name: [srv("elsewhere.example")], "www.demo.example": alias}));
        assert!(seen(&after, &sandbox).await.plan.is_empty());

        ready(&apply(&with(&after, &["r1-n1"], NodeState::Absent), &sandbox).await);
        assert_eq!(entries(), serde_json::json!({service_name: [srv("elsewhere.example")]}));
    });
}
