//! What broke in the systems before this one, each as a story that must not happen here; `docs/lessons.md` has the whole list.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Control, Limits, RunView, Status, Stop};
use dip_core::id::StepId;
use dip_core::journal::{Command, Event, Journal, MemoryJournal, Order, Record};
use dip_core::operation::Patience;
use dip_core::plan::{Plan, Vertex};
use dip_core::provider::ErrorKind;
use dip_core::report::Outcome;
use dip_core::site::Limit;
use dip_core::step::{Environment, Hazard, Lock, Need, Step};

use crate::guards::consent;
use crate::run::status;
use crate::toy::{Stage, is_set, node, set, wipe};

fn all_of(names: &[String]) -> Need {
    Need::All(names.iter().map(|name| is_set(name)).collect())
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}{index}")).collect()
}

fn plan_in(records: &[Record]) -> &Plan {
    match &records[0].event {
        Event::Began { plan, .. } => plan,
        event => panic!("a journal begins with its plan, and not with {event:?}"),
    }
}

/// When something happened first to the step of a thing, in seconds since the run began.
fn when(records: &[Record], thing: &str, is: fn(&Event) -> bool) -> Option<u64> {
    let plan = plan_in(records);
    let of_thing = |step: StepId| plan.step(step).step.subject.name() == thing;
    let found = records.iter().find(|record| record.event.step().is_some_and(of_thing) && is(&record.event))?;
    Some(found.at.duration_since(records[0].at).unsigned_abs().as_secs())
}

fn is_applying(event: &Event) -> bool {
    matches!(event, Event::Applying { .. })
}

fn is_settled(event: &Event) -> bool {
    matches!(event, Event::Settled { .. })
}

fn is_failed(event: &Event) -> bool {
    matches!(event, Event::Failed { .. })
}

#[tokio::test(start_paused = true)]
async fn firmware_goes_by_needs_computes_then_switch_then_power_cycles() {
    let works = |n: &str| {
        set(&format!("{n} works"), &[]).after_boot(&node(n), Environment::Installed, is_set("switch firmware"))
    };
    // In the wrong order, and nothing but needs to tell the right one.
    let stage = Stage::new(vec![
        works("n2"),
        works("n1"),
        set("switch firmware", &["n1 firmware", "n2 firmware"]),
        set("n2 firmware", &[]),
        set("n1 firmware", &[]),
    ]);
    stage.change(|world| {
        world.nodes.extend([(node("n1"), Environment::Installed), (node("n2"), Environment::Installed)])
    });
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    let applied = stage.applied();
    let at =
        |name: &str| applied.iter().position(|other| other == name).unwrap_or_else(|| panic!("{name}: {applied:?}"));
    for n in ["n1", "n2"] {
        assert!(at(&format!("{n} firmware")) < at("switch firmware"), "{applied:?}");
        assert!(at("switch firmware") < at(&format!("{n} installed")), "{applied:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn osds_start_once_the_mons_have_quorum_though_one_mon_never_comes() {
    let mons = names("mon", 3);
    let mut steps: Vec<Step> = mons.iter().map(|mon| set(mon, &[])).collect();
    let facts = mons.iter().map(|mon| is_set(mon)).collect();
    steps.push(set("osd", &[]).need(Need::AtLeast { count: 2, facts }));
    let stage = Stage::new(steps);
    stage.change(|world| world.loses.insert("mon2".into(), usize::MAX));
    let (report, records) = stage.run().await;
    assert_eq!(when(&records, "osd", is_settled), Some(0), "two of three are enough");
    assert_eq!(when(&records, "mon2", is_failed), Some(120), "the third is waited for as long as it may take");
    assert_eq!(report.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn created_is_not_ready_and_dependants_wait_for_what_is_seen() {
    let stage = Stage::new(vec![set("cluster", &[]), set("workload", &["cluster"])]);
    stage.change(|world| world.slow.insert("cluster".into(), Duration::from_secs(25)));
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(when(&records, "cluster", is_applying), Some(0), "it is accepted at once");
    assert_eq!(when(&records, "workload", is_applying), Some(25));
}

#[tokio::test(start_paused = true)]
async fn clusters_that_wait_for_quorum_hold_no_worker_and_do_not_starve_each_other() {
    let mut steps = Vec::new();
    for cluster in 0..20 {
        let members = names(&format!("c{cluster}-"), 3);
        // The members need what comes after the wait of the cluster before.
        let before = if cluster == 0 { vec![] } else { vec![format!("quorum{}", cluster - 1)] };
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        steps.extend(members.iter().map(|member| set(member, &before)));
        let facts = members.iter().map(|member| is_set(member)).collect();
        steps.push(set(&format!("quorum{cluster}"), &[]).need(Need::AtLeast { count: 2, facts }));
    }
    let stage = Stage::new(steps);
    stage.change(|world| world.slow.extend((0..20).map(|n| (format!("quorum{n}"), Duration::from_secs(20)))));
    // The wait of one never comes true: it has a deadline of its own, and ends.
    stage.change(|world| world.loses.insert("quorum19".into(), usize::MAX));
    let engine = stage.engine().limits(Limits { workers: 1, ..Limits::default() });
    let (report, records) = stage.run_with(&engine, &Stop::new()).await;
    assert!((0..19).all(|n| matches!(status(&report, &format!("quorum{n}")), Status::Settled(_))), "{report}");
    let took = when(&records, "quorum19", is_failed).zip(when(&records, "quorum19", is_applying));
    assert_eq!(took.map(|(failed, began)| failed - began), Some(120));
}

/// A site of so many storage nodes: each boots, all wait for all twice.
async fn storage(count: usize) -> Arc<Plan> {
    let (disks, joins) = (names("disk", count), names("join", count));
    let mut steps = Vec::new();
    for index in 0..count {
        let at = node(&format!("n{index}"));
        steps.push(set(&disks[index], &[]).in_environment(&at, Environment::Installed));
        steps.push(set(&joins[index], &[]).need(all_of(&disks)));
        steps.push(set(&format!("osd{index}"), &[]).need(all_of(&joins)));
    }
    Stage::new(steps).prepare().await.expect("a plan").plan
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_twice_as_many_nodes_has_twice_as_many_edges() {
    for count in [50, 100, 200] {
        let plan = storage(count).await;
        let graph = plan.graph();
        let barriers = graph.vertices().iter().filter(|vertex| matches!(vertex, Vertex::Barrier { .. })).count();
        assert_eq!(barriers, 2);
        // Four to and from the two barriers, and those of a boot: its part, and the work behind it.
        assert!(graph.edge_count() <= 7 * count, "{} edges for {count} nodes", graph.edge_count());
        assert!(graph.vertices().len() <= 6 * count + 2, "{} vertices for {count} nodes", graph.vertices().len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_machines_behind_a_barrier_are_each_looked_at_a_bounded_number_of_times() {
    let machines = names("m", 1_000);
    let patience = Patience { deadline: Duration::from_secs(900), attempt: Duration::from_secs(900) };
    let mut steps: Vec<Step> = machines.iter().map(|machine| set(machine, &[]).patience(patience)).collect();
    steps.push(set("cluster", &[]).need(all_of(&machines)));
    let stage = Stage::new(steps);
    stage.change(|world| {
        world.poll = Some(Duration::from_secs(5));
        world.slow.extend(machines.iter().map(|machine| (machine.clone(), Duration::from_secs(60))));
    });
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    // All are there after a minute; none is looked for more seldom because there are many, nor is any forgotten.
    assert!(when(&records, "cluster", is_applying).is_some_and(|at| at <= 66), "{report}");
    let mut looks = std::collections::BTreeMap::<String, usize>::new();
    stage.change(|world| world.looked.iter().for_each(|name| *looks.entry(name.clone()).or_default() += 1));
    let most = machines.iter().map(|machine| looks[machine]).max().expect("a thousand");
    assert!((10..=16).contains(&most), "60 s by steps of 5 s are a dozen looks, not {most}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_joins_late_is_waited_for_by_its_own_deadline_and_not_for_a_fixed_minute() {
    let hosts = names("host", 20);
    let patience = Patience { deadline: Duration::from_secs(600), attempt: Duration::from_secs(600) };
    let steps = || {
        let mut steps: Vec<Step> = hosts.iter().map(|host| set(host, &[]).patience(patience)).collect();
        steps.push(set("cluster", &[]).need(all_of(&hosts)));
        steps
    };
    let late = Stage::new(steps());
    late.change(|world| world.slow.insert("host7".into(), Duration::from_secs(400)));
    let (report, records) = late.run().await;
    assert_eq!((report.outcome, when(&records, "cluster", is_applying)), (Outcome::Ready, Some(400)));
    let never = Stage::new(steps());
    never.change(|world| world.loses.insert("host7".into(), usize::MAX));
    let (report, records) = never.run().await;
    assert_eq!(when(&records, "host7", is_failed), Some(600), "it ends, too");
    assert_eq!(status(&report, "cluster").to_string(), "cannot start, because `toy.set thing/host7` failed");
}

#[tokio::test(start_paused = true)]
async fn one_error_on_a_node_stops_what_needs_it_and_nothing_else_on_the_node() {
    let on = |name: &str, needs: &[&str]| set(name, needs).in_environment(&node("n1"), Environment::Installed);
    let stage = Stage::new(vec![
        on("driver", &[]),
        on("raid", &["driver"]),
        on("clock", &[]),
        on("users", &[]),
        on("agent", &["clock", "users"]),
    ]);
    stage.change(|world| world.fails.insert("driver".into(), (1, ErrorKind::Invalid)));
    let (report, _) = stage.run().await;
    assert!(matches!(status(&report, "driver"), Status::Failed { .. }));
    assert!(matches!(status(&report, "raid"), Status::Blocked { .. }));
    for name in ["clock", "users", "agent"] {
        assert!(matches!(status(&report, name), Status::Settled(_)), "{name}: {report}");
    }
}

/// A run in the background, with the control to command it.
fn started(
    stage: &Stage,
    plan: Arc<Plan>,
) -> (Control, Arc<MemoryJournal>, tokio::task::JoinHandle<dip_core::report::Report>) {
    let (control, journal) = (Control::new(), Arc::new(MemoryJournal::new()));
    let engine = stage.engine().control(&control);
    let kept = Arc::clone(&journal) as Arc<dyn Journal>;
    let run = tokio::spawn(async move { engine.run("test", plan, kept, &Stop::new()).await.expect("a run") });
    (control, journal, run)
}

#[tokio::test(start_paused = true)]
async fn a_poke_runs_the_member_that_failed_and_no_other() {
    let members = names("member", 5);
    let mut steps: Vec<Step> = members.iter().map(|member| set(member, &[])).collect();
    steps.extend([set("slow", &[]), set("cluster", &["slow"]).need(all_of(&members))]);
    let stage = Stage::new(steps);
    stage.change(|world| {
        world.fails.insert("member3".into(), (1, ErrorKind::Denied));
        world.slow.insert("slow".into(), Duration::from_secs(25));
    });
    let (control, _, run) = started(&stage, stage.prepare().await.expect("a plan").plan);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = stage.applied().len();
    let retry = Command::Retry { step: "toy.set thing/member3".into() };
    control.give(Order::new("ada", retry)).await.expect("it failed");
    assert_eq!(run.await.expect("it ends").outcome, Outcome::Ready);
    assert_eq!(stage.applied()[before..], ["member3", "cluster"]);
}

#[tokio::test(start_paused = true)]
async fn thirty_nodes_that_deploy_when_the_process_dies_all_go_on_and_none_boots_twice() {
    let steps = (0..30).map(|n| {
        let at = node(&format!("n{n}"));
        set(&format!("system{n}"), &[]).hazard(Hazard::Disrupts).in_environment(&at, Environment::Installed)
    });
    let stage = Stage::new(steps.collect());
    stage.change(|world| world.slow.extend((0..30).map(|n| (format!("system{n}"), Duration::from_secs(20)))));
    let (_, journal, run) = started(&stage, stage.prepare().await.expect("a plan").plan);
    // Some moments are in the boots, others in the installs.
    tokio::time::sleep(Duration::from_secs(12)).await;
    run.abort();
    assert!(run.await.expect_err("it was killed").is_cancelled());
    let view = RunView::of(&journal.records()).expect("a run");
    let under_way = (0..60).filter(|&step| !matches!(view.schedule.status(StepId(step)), Status::Settled(_))).count();
    assert!(under_way >= 30, "all thirty deploy");
    let rest = Arc::new(MemoryJournal::new());
    let resumed = stage.engine().resume(&journal.records(), rest, &Stop::new()).await;
    assert_eq!(resumed.expect("a run").outcome, Outcome::Ready);
    let applied = stage.applied();
    assert_eq!(applied.len(), 60, "each boot and each install was asked for once: {applied:?}");
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_the_state_of_a_running_cluster_reinstalls_nothing() {
    let install = || {
        let mut stage = Stage::new(vec![wipe("install", "n1", &["S1"]), set("join", &["install"])]);
        stage.guard.consents.push(consent("n1", &["S1"]));
        stage
    };
    let stage = install();
    assert_eq!(stage.run().await.0.outcome, Outcome::Ready);
    // Another process, another directory, no journal: only the world is the same.
    let moved = install();
    let world = stage.change(std::mem::take);
    moved.change(|other| *other = world);
    assert!(moved.prepare().await.expect("a plan").plan.is_empty(), "a plan is made from what is seen");
}

#[tokio::test(start_paused = true)]
async fn a_node_is_told_done_only_once_its_last_action_is_seen_to_hold() {
    let steps = || {
        vec![set("drain", &[]), set("upgrade", &["drain"]), set("uncordon", &["upgrade"]), set("mark", &["uncordon"])]
    };
    let stage = Stage::new(steps());
    stage.change(|world| world.loses.insert("uncordon".into(), 1));
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert!(when(&records, "mark", is_applying) >= when(&records, "uncordon", is_settled));
    assert_eq!(when(&records, "uncordon", is_settled), Some(30), "what was lost was asked for again");
    let stage = Stage::new(steps());
    stage.change(|world| world.loses.insert("uncordon".into(), usize::MAX));
    let (report, _) = stage.run().await;
    assert!(!stage.applied().contains(&"mark".to_owned()) && report.outcome == Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_step_there_is_always_a_way_out() {
    let steps = || vec![set("a", &[]), set("b", &["a"]), set("slow", &[])];
    let stage = Stage::new(steps());
    stage.change(|world| {
        world.fails.insert("a".into(), (1, ErrorKind::Denied));
        world.slow.insert("slow".into(), Duration::from_secs(25));
    });
    let (_, journal, run) = started(&stage, stage.prepare().await.expect("a plan").plan);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let view = RunView::of(&journal.records()).expect("a run");
    let (failed, blocked) = ("toy.set thing/a".into(), "toy.set thing/b".into());
    for way in [
        Command::Retry { step: failed },
        Command::Skip { step: "toy.set thing/a".into(), reason: "by hand".into() },
        Command::Skip { step: blocked, reason: "not needed".into() },
        Command::Hold { step: Some("toy.set thing/a".into()), reason: "later".into() },
        Command::Hold { step: None, reason: "later".into() },
    ] {
        let refused = view.schedule.check_order(&way).err();
        // What has begun cannot be held; it can be left out or tried again.
        let is_begun = matches!(&way, Command::Hold { step: Some(_), .. });
        assert_eq!(refused.is_some(), is_begun, "{way}: {refused:?}");
    }
    let report = run.await.expect("it ends");
    assert_eq!(report.outcome, Outcome::Failed);
    // And once it has ended: it is resumed, or planned anew, with nothing but what is left.
    let left = stage.prepare().await.expect("a plan").plan;
    assert_eq!(left.steps().iter().map(|step| step.step.subject.name()).collect::<Vec<_>>(), ["a", "b"]);
    let resumed = stage.engine().resume(&journal.records(), Arc::new(MemoryJournal::new()), &Stop::new()).await;
    assert_eq!(resumed.expect("a run").outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_larger_limit_never_makes_a_run_slower_and_the_one_that_binds_is_named() {
    let took = async |workers: usize, capacity: u32| {
        let steps = (0..64).map(|n| set(&format!("t{n}"), &[]).lock(Lock::new(format!("bmc/r{}", n % 4))));
        let stage = Stage::new(steps.collect());
        stage.change(|world| world.takes = Duration::from_secs(10));
        let limit = Limit { lock: "bmc/*".into(), capacity, reason: "sessions".into(), origin: None };
        let engine = stage.engine().limits(Limits { workers, ..Limits::default() }.with(limit));
        let (report, _) = stage.run_with(&engine, &Stop::new()).await;
        assert_eq!(report.outcome, Outcome::Ready);
        (report.took, report.bounds.first().map(|bound| bound.capacity))
    };
    let workers = [1, 2, 4, 8, 16, 32, 64];
    let capacities = [1, 2, 4, 8, 16];
    for pair in workers.windows(2) {
        for capacity in capacities {
            assert!(took(pair[1], capacity).await.0 <= took(pair[0], capacity).await.0, "{pair:?} at {capacity}");
        }
    }
    for pair in capacities.windows(2) {
        for workers in workers {
            assert!(took(workers, pair[1]).await.0 <= took(workers, pair[0]).await.0, "{pair:?} at {workers}");
        }
    }
    assert_eq!(took(64, 2).await, (Duration::from_secs(80), Some(Some(2))), "four locks, two at a time, 64 steps");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_boot_at_once_over_eight_workers() {
    let steps = (0..1_000)
        .map(|n| set(&format!("system{n}"), &[]).in_environment(&node(&format!("n{n}")), Environment::Installed));
    let stage = Stage::new(steps.collect());
    let engine = stage.engine().limits(Limits { workers: 8, ..Limits::default() });
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!(report.outcome, Outcome::Ready);
    // A boot takes five seconds, and nobody who waits for one keeps a worker from the next.
    assert!(report.took <= Duration::from_secs(15), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_given_the_facts_that_it_names_and_no_others() {
    let stage = Stage::new(vec![set("rack", &[]), set("other node", &[]), set("node", &["rack"])]);
    let (_, records) = stage.run().await;
    let view = RunView::of(&records).expect("a run");
    let node = plan_in(&records).steps().iter().position(|step| step.step.subject.name() == "node").map(StepId::at);
    let facts = view.schedule.facts_for(node.expect("it is planned"));
    assert_eq!(facts.raw(&is_set("rack")), Some(&serde_json::Value::Bool(true)));
    assert_eq!(facts.raw(&is_set("other node")), None, "it is known, and none of its business");
}

/// All test code of the workspace in one text.
fn tests_of(directory: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            tests_of(&entry, text);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&entry).expect("a file of text"));
        }
    }
}

#[test]
fn every_test_that_the_page_of_lessons_names_is_there() {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(workspace.join("docs/lessons.md")).expect("the page");
    let mut text = String::new();
    for entry in std::fs::read_dir(&workspace).expect("the workspace").map(|entry| entry.expect("an entry")) {
        if entry.file_name().to_string_lossy().starts_with("dip-") {
            for part in ["src", "tests"].map(|part| entry.path().join(part)).iter().filter(|part| part.is_dir()) {
                tests_of(part, &mut text);
            }
        }
    }
    // A name in the page is a sentence: nothing else between back quotes has three underscores.
    let is_name = |word: &&str| word.matches('_').count() >= 3 && !word.contains(char::is_whitespace);
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() >= 30, "{named:?}");
    for name in named {
        let is_there = ["(", "<"].iter().any(|follows| text.contains(&format!("fn {name}{follows}")));
        assert!(is_there, "there is no test `{name}`");
    }
}
