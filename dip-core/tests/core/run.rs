//! Runs: order, retry, containment, stopping, resuming.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Engine, Limits, Status, Stop};
use dip_core::journal::{Change, Event, FailureKind, Journal, MemoryJournal, Record};
use dip_core::provider::ErrorKind;
use dip_core::report::{Outcome, Report};
use dip_core::step::{Environment, Lock, Need};

use crate::toy::{Stage, is_set, node, set, two_of};

impl Stage {
    pub(crate) fn engine(&self) -> Engine {
        let engine = Engine::new(self.layers.operations(), self.providers.clone());
        engine.clock(Arc::clone(&self.clock)).guard(self.guard.clone())
    }

    pub(crate) async fn run(&self) -> (Report, Vec<Record>) {
        self.run_with(&self.engine(), &Stop::new()).await
    }

    pub(crate) async fn run_with(&self, engine: &Engine, stop: &Stop) -> (Report, Vec<Record>) {
        let plan = self.prepare().await.expect("a plan").plan;
        let journal = Arc::new(MemoryJournal::new());
        let report = engine.run("test", plan, Arc::clone(&journal) as Arc<dyn Journal>, stop).await.expect("a run");
        (report, journal.records())
    }

    pub(crate) fn applied(&self) -> Vec<String> {
        self.change(|world| world.applied.clone())
    }
}

pub(crate) fn status<'a>(report: &'a Report, name: &str) -> &'a Status {
    let step = report.steps.iter().find(|step| step.subject.name() == name);
    &step.unwrap_or_else(|| panic!("{name} is in the report")).status
}

#[tokio::test(start_paused = true)]
async fn steps_run_in_the_order_of_their_needs_and_a_second_run_changes_nothing() {
    let stage = Stage::new(vec![set("c", &["b"]), set("b", &["a"]), set("a", &[])]);
    let (report, _) = stage.run().await;
    assert_eq!((report.outcome, report.changes()), (Outcome::Ready, 3));
    assert_eq!(stage.applied(), ["a", "b", "c"]);
    let again = stage.prepare().await.expect("a plan").plan;
    assert!(again.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_in_the_journal_before_the_effect() {
    let stage = Stage::new(vec![set("a", &[])]);
    let (_, records) = stage.run().await;
    let at = |wanted: fn(&Event) -> bool| records.iter().position(|record| wanted(&record.event));
    let applying = at(|event| matches!(event, Event::Applying { .. }));
    let settled = at(|event| matches!(event, Event::Settled { change: Change::Made, .. }));
    assert!(applying.is_some() && applying < settled, "{records:?}");
    assert!(matches!(records.last().map(|record| &record.event), Some(Event::Ended { outcome: Outcome::Ready, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_tried_again_and_a_refusal_is_not() {
    let stage = Stage::new(vec![set("busy", &[]), set("denied", &[])]);
    stage.change(|world| {
        world.fails.insert("busy".to_owned(), (2, ErrorKind::Busy));
        world.fails.insert("denied".to_owned(), (1, ErrorKind::Denied));
    });
    let (report, _) = stage.run().await;
    assert_eq!(*status(&report, "busy"), Status::Settled(Change::Made));
    assert!(
        matches!(status(&report, "denied"), Status::Failed { error, .. } if error == "toy could not set denied: denied")
    );
    assert_eq!(stage.applied().iter().filter(|name| *name == "busy").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_told_apart_from_a_failure() {
    let stage = Stage::new(vec![set("record", &[])]);
    stage.change(|world| world.fails.insert("record".to_owned(), (1, ErrorKind::Conflict)));
    let (report, _) = stage.run().await;
    assert!(matches!(status(&report, "record"), Status::Failed { kind: FailureKind::Conflict, .. }));
    assert!(report.to_string().contains("left alone: toy.set thing/record"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_blocks_what_depends_on_it_and_nothing_else() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["b"]), set("x", &[]), set("y", &["x"])]);
    stage.change(|world| world.fails.insert("a".to_owned(), (1, ErrorKind::Invalid)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    for blocked in ["b", "c"] {
        assert!(matches!(status(&report, blocked), Status::Blocked { by } if by.as_str() == "toy.set thing/a"));
    }
    assert_eq!(*status(&report, "y"), Status::Settled(Change::Made));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_enough_and_a_late_failure_does_not_undo_it() {
    let members = ["m1", "m2", "m3"];
    let mut steps: Vec<_> = members.iter().map(|member| set(member, &[])).collect();
    let facts = members.iter().map(|member| is_set(member)).collect();
    steps.push(set("cluster", &[]).need(Need::AtLeast { count: 2, facts }));
    let stage = Stage::new(steps);
    stage.change(|world| world.fails.insert("m2".to_owned(), (1, ErrorKind::Invalid)));
    let (report, _) = stage.run().await;
    assert_eq!(*status(&report, "cluster"), Status::Settled(Change::Made));
    assert!(matches!(status(&report, "m2"), Status::Failed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_be_reached_blocks() {
    let members = ["m1", "m2", "m3"];
    let mut steps: Vec<_> = members.iter().map(|member| set(member, &[])).collect();
    let facts = members.iter().map(|member| is_set(member)).collect();
    steps.push(set("cluster", &[]).need(Need::AtLeast { count: 2, facts }));
    steps.push(set("after", &["cluster"]));
    let stage = Stage::new(steps);
    stage.change(|world| {
        world.fails.insert("m1".to_owned(), (1, ErrorKind::Invalid));
        world.fails.insert("m2".to_owned(), (1, ErrorKind::Invalid));
    });
    let (report, _) = stage.run().await;
    assert!(matches!(status(&report, "cluster"), Status::Blocked { .. }), "{report:?}");
    assert!(matches!(status(&report, "after"), Status::Blocked { .. }), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_accepted_and_lost_is_made_again() {
    let stage = Stage::new(vec![set("power", &[])]);
    stage.change(|world| world.loses.insert("power".to_owned(), 1));
    let (report, _) = stage.run().await;
    assert_eq!(*status(&report, "power"), Status::Settled(Change::Made));
    assert_eq!(stage.applied(), ["power", "power"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_true_fails_when_its_patience_ends() {
    let stage = Stage::new(vec![set("power", &[]), set("after", &["power"])]);
    stage.change(|world| world.loses.insert("power".to_owned(), usize::MAX));
    let (report, _) = stage.run().await;
    assert!(
        matches!(status(&report, "power"), Status::Failed { kind: FailureKind::Unsettled, error } if error.contains("did not come true within 120s")),
        "{report:?}"
    );
    assert!(matches!(status(&report, "after"), Status::Blocked { .. }));
    assert!(report.took < Duration::from_secs(160), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn a_lock_lets_one_in_and_a_limit_lets_so_many() {
    let locked: Vec<_> = (0..8).map(|index| set(&format!("t{index}"), &[]).lock(Lock::new("zone"))).collect();
    let stage = Stage::new(locked);
    stage.change(|world| world.takes = Duration::from_secs(1));
    let (report, _) = stage.run().await;
    assert_eq!((report.outcome, stage.change(|world| world.most_running)), (Outcome::Ready, 1));

    let free: Vec<_> = (0..20).map(|index| set(&format!("t{index}"), &[])).collect();
    let stage = Stage::new(free);
    stage.change(|world| world.takes = Duration::from_secs(1));
    let engine = stage.engine().limits(Limits { workers: 5, ..Limits::default() });
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!((report.outcome, stage.change(|world| world.most_running)), (Outcome::Ready, 5));
}

#[tokio::test(start_paused = true)]
async fn waits_hold_no_worker() {
    let steps = (0..50).map(|index| {
        set(&format!("t{index}"), &[]).in_environment(&node(&format!("n{index}")), Environment::Installed)
    });
    let stage = Stage::new(steps.collect());
    let engine = stage.engine().limits(Limits { workers: 1, ..Limits::default() });
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!(report.outcome, Outcome::Ready);
    // Each of 50 nodes takes five seconds to boot; one worker is enough for all of them at once.
    assert!(report.took < Duration::from_secs(15), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_lets_running_applies_end_and_starts_nothing_new() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    stage.change(|world| world.takes = Duration::from_secs(10));
    let stop = Stop::new();
    let asked = stop.clone();
    let ask = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        asked.ask();
    });
    let (report, records) = stage.run_with(&stage.engine(), &stop).await;
    ask.await.expect("the task that asks ends");
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(*status(&report, "a"), Status::Settled(Change::Made));
    assert_eq!(stage.applied(), ["a"]);
    // A resume goes on where it stopped.
    let journal = Arc::new(MemoryJournal::new());
    let report = stage.engine().resume(&records, journal, &Stop::new()).await.expect("a run");
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_second_stop_abandons_and_a_resume_looks_before_it_acts() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    stage.change(|world| world.takes = Duration::from_secs(10));
    let stop = Stop::new();
    let asked = stop.clone();
    let ask = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        asked.ask();
        asked.ask();
    });
    let (report, records) = stage.run_with(&stage.engine(), &stop).await;
    ask.await.expect("the task that asks ends");
    assert_eq!((report.outcome, report.took), (Outcome::Interrupted, Duration::from_secs(3)));
    // The effect may have happened all the same: here it has.
    stage.change(|world| world.things.insert("a".to_owned()));
    let journal = Arc::new(MemoryJournal::new());
    let report = stage.engine().resume(&records, journal, &Stop::new()).await.expect("a run");
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_after_any_record_ends_like_one_that_was_not() {
    let steps = || vec![set("a", &[]), set("b", &["a"]), set("c", &["a"]), set("d", &["b", "c"])];
    let whole = Stage::new(steps());
    let (_, records) = whole.run().await;
    let end = whole.change(|world| world.things.clone());
    for cut in 1..records.len() {
        let stage = Stage::new(steps());
        // The world has what was settled, and what was being applied when the process died.
        let done = records[..cut].iter().filter_map(|record| match &record.event {
            Event::Applying { step, .. } => Some(step),
            _ => None,
        });
        let plan = whole_plan(&records);
        let done: Vec<String> = done.map(|step| plan.step(*step).step.subject.name().to_owned()).collect();
        stage.change(|world| world.things.extend(done.clone()));
        let journal = Arc::new(MemoryJournal::new());
        let report = stage.engine().resume(&records[..cut], journal, &Stop::new()).await.expect("a run");
        assert_eq!(report.outcome, Outcome::Ready, "cut after {cut} records");
        assert_eq!(stage.change(|world| world.things.clone()), end, "cut after {cut} records");
        assert!(stage.applied().iter().all(|name| !done.contains(name)), "done twice after a cut at {cut}");
    }
}

fn whole_plan(records: &[Record]) -> Arc<dip_core::plan::Plan> {
    let Event::Began { plan, .. } = &records[0].event else { panic!("a journal begins with its plan") };
    Arc::clone(plan)
}

#[tokio::test(start_paused = true)]
async fn a_look_that_gets_no_answer_does_not_ask_a_second_time() {
    // What was asked for may take the one who answers away for a while: a node that reboots, a BMC that restarts.
    let stage = Stage::new(vec![set("slow", &[]), set("quick", &[])]);
    stage.change(|world| {
        world.slow.insert("slow".to_owned(), Duration::from_secs(10));
        world.silent.insert("slow".to_owned(), 3);
        world.silent.insert("quick".to_owned(), 1);
        world.loses.insert("quick".to_owned(), 1);
    });
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready, "{report}");
    let times = |name: &str| stage.applied().iter().filter(|applied| *applied == name).count();
    assert_eq!(times("slow"), 1, "{records:?}");
    // It was lost, so it is asked for again, but not before it has had its time.
    assert_eq!(times("quick"), 2);
    assert!(report.took >= Duration::from_secs(30), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_on_time_however_long_the_pause_between_looks() {
    let stage = Stage::new(vec![set("a", &[])]);
    stage.change(|world| {
        world.slow.insert("a".to_owned(), Duration::from_secs(3600));
        world.poll = Some(Duration::from_secs(600));
    });
    let (report, _) = stage.run().await;
    assert!(matches!(status(&report, "a"), Status::Failed { kind: FailureKind::Unsettled, .. }), "{report}");
    assert!(report.took <= Duration::from_secs(121), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_nothing_between_looks_lets_time_pass() {
    let stage = Stage::new(vec![set("a", &[])]);
    stage.change(|world| {
        world.slow.insert("a".to_owned(), Duration::from_secs(10));
        world.poll = Some(Duration::ZERO);
    });
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert!(records.len() < 200, "{} records", records.len());
}

#[tokio::test(start_paused = true)]
async fn no_worker_is_taken_as_one() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    let engine = stage.engine().limits(Limits { workers: 0, ..Limits::default() });
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!(report.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_panics_fails_its_own_step_and_no_other() {
    let stage =
        Stage::new(vec![set("bug", &[]), set("after", &["bug"]), set("looked", &[]), set("x", &[]), set("y", &["x"])]);
    stage.change(|world| {
        world.panics.insert("bug".to_owned());
        world.takes = Duration::from_secs(1);
    });
    let (report, _) = stage.run().await;
    assert!(
        matches!(status(&report, "bug"), Status::Failed { error, .. } if error.contains("the apply of bug has a bug")),
        "{report:?}"
    );
    assert!(matches!(status(&report, "after"), Status::Blocked { .. }));
    assert_eq!(*status(&report, "y"), Status::Settled(Change::Made));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_leaves_the_rest_of_the_survey_whole() {
    let stage = Stage::new(vec![set("bug", &[]), set("after", &["bug"])]);
    stage.change(|world| {
        world.check_panics.insert("bug".to_owned());
        world.things.insert("after".to_owned());
    });
    let prepared = stage.prepare().await.expect("a plan");
    let unknown: Vec<String> = prepared.unknown().map(|(step, gap)| format!("{}: {gap}", step.name)).collect();
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].contains("the check of bug has a bug"), "{unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn steps_with_two_locks_all_get_their_turn() {
    let steps = (0..60).map(|index| {
        let step = set(&format!("t{index}"), &[]);
        match index % 3 {
            0 => step.lock(Lock::new("a")),
            1 => step.lock(Lock::new("b")).lock(Lock::new("a")),
            _ => step.lock(Lock::new("a")).lock(Lock::new("b")),
        }
    });
    let stage = Stage::new(steps.collect());
    stage.change(|world| world.takes = Duration::from_secs(1));
    let engine = stage.engine().limits(Limits { workers: 4, ..Limits::default() }.with(two_of(&Lock::new("b"))));
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!((report.outcome, report.took), (Outcome::Ready, Duration::from_secs(60)));
}
