//! Resumes: what is looked at again, what is waited for, and what is left alone.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Stop;
use dip_core::journal::{Event, Journal, MemoryJournal, Record};
use dip_core::provider::ErrorKind;
use dip_core::report::{Outcome, Report};
use dip_core::step::{Environment, Hazard, Need};

use crate::guards::consent;
use crate::toy::{Stage, is_set, node, set, wipe};

async fn resume(stage: &Stage, records: &[Record]) -> (Report, Vec<Record>) {
    let journal = Arc::new(MemoryJournal::new());
    let report = stage.engine().resume(records, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
    (report.expect("a run"), [records, &journal.records()].concat())
}

/// The records up to the first that fits, itself included.
fn cut_after(records: &[Record], fits: impl Fn(&Event) -> bool) -> &[Record] {
    let at = records.iter().position(|record| fits(&record.event)).expect("such a record");
    &records[..=at]
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_accepted_is_waited_for_and_not_asked_again() {
    let stage = Stage::new(vec![set("a", &[])]);
    stage.change(|world| world.slow.insert("a".to_owned(), Duration::from_secs(20)));
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(MemoryJournal::new());
    let (engine, stop) = (stage.engine(), Stop::new());
    let run = engine.run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &stop);
    assert!(tokio::time::timeout(Duration::from_secs(5), run).await.is_err(), "the process dies while it waits");
    let (report, _) = resume(&stage, &journal.records()).await;
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["a".to_owned()]));
    assert_eq!(report.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_accepted_and_lost_is_asked_again_in_the_end() {
    let stage = Stage::new(vec![set("a", &[])]);
    stage.change(|world| world.loses.insert("a".to_owned(), 1));
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(MemoryJournal::new());
    let (engine, stop) = (stage.engine(), Stop::new());
    let run = engine.run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &stop);
    assert!(tokio::time::timeout(Duration::from_secs(5), run).await.is_err(), "the process dies while it waits");
    // The next process has a clock that is an hour behind: nothing waits an hour longer for that.
    let mut records = journal.records();
    records.iter_mut().for_each(|record| record.at += jiff::SignedDuration::from_hours(1));
    let (report, _) = resume(&stage, &records).await;
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["a".to_owned(), "a".to_owned()]));
    assert!(report.took <= Duration::from_secs(60), "{:?}", report.took);
}

#[tokio::test(start_paused = true)]
async fn what_feeds_a_hazard_through_a_set_of_facts_is_looked_at_again() {
    let both = Need::All(vec![is_set("m1"), is_set("m2")]);
    let steps = vec![
        set("m1", &[]),
        set("m2", &[]),
        set("other", &[]),
        wipe("wipe", "n1", &["S1"]).need_facts([is_set("other")]).need(both),
    ];
    let mut stage = Stage::new(steps);
    stage.guard.consents.push(consent("n1", &["S1"]));
    let (_, records) = stage.run().await;
    let cut = cut_after(&records, |event| matches!(event, Event::Settled { step, .. } if step.0 == 2));
    let settled = cut.iter().filter(|record| matches!(record.event, Event::Settled { .. })).count();
    assert_eq!(settled, 3, "{cut:?}");
    stage.change(|world| {
        world.things.remove("m1");
        world.things.remove("wipe");
        world.applied.clear();
    });
    let (report, _) = resume(&stage, cut).await;
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["m1".to_owned(), "wipe".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn what_was_done_in_an_environment_that_the_node_has_left_is_not_done_in_another() {
    let n1 = node("n1");
    let steps = vec![
        set("dimm", &[]).in_environment(&n1, Environment::Off),
        set("file", &["dimm"]).in_environment(&n1, Environment::Installed).hazard(Hazard::Disrupts),
    ];
    let stage = Stage::new(steps);
    stage.change(|world| world.nodes.insert(n1.clone(), Environment::Installed));
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    let file = report.steps.iter().position(|step| step.subject.name() == "file").expect("it is in the report");
    let before_file =
        records.iter().position(|record| matches!(record.event, Event::Started { step, .. } if step.index() == file));
    let cut = &records[..before_file.expect("it was started")];
    stage.change(|world| {
        world.things.remove("dimm");
        world.things.remove("file");
        world.applied.clear();
    });
    let (_, _) = resume(&stage, cut).await;
    assert!(!stage.applied().contains(&"dimm".to_owned()), "the node is not off: {:?}", stage.applied());
}

#[tokio::test(start_paused = true)]
async fn what_failed_when_it_was_looked_at_again_is_no_longer_settled() {
    let mut stage = Stage::new(vec![set("a", &[]), wipe("wipe", "n1", &["S1"]).need_facts([is_set("a")])]);
    stage.guard.consents.push(consent("n1", &["S1"]));
    let (_, records) = stage.run().await;
    let cut = cut_after(&records, |event| matches!(event, Event::Settled { step, .. } if step.0 == 0));
    stage.change(|world| {
        world.things.clear();
        world.applied.clear();
        world.fails.insert("a".to_owned(), (1, ErrorKind::Invalid));
    });
    let (report, records) = resume(&stage, cut).await;
    assert_eq!(report.outcome, Outcome::Failed);
    let view = dip_core::engine::RunView::of(&records).expect("a run");
    assert!(matches!(view.schedule.status(dip_core::id::StepId(0)), dip_core::engine::Status::Failed { .. }));
    let (report, _) = resume(&stage, &records).await;
    assert_eq!(
        (report.outcome, stage.applied()),
        (Outcome::Ready, vec!["a".to_owned(), "a".to_owned(), "wipe".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_is_resumed_to_nothing() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    let (_, records) = stage.run().await;
    let (report, records) = resume(&stage, &records).await;
    assert_eq!((report.outcome, report.took, stage.applied().len()), (Outcome::Ready, Duration::ZERO, 2));
    let (report, records) = resume(&stage, &records).await;
    assert_eq!((report.outcome, stage.applied().len()), (Outcome::Ready, 2));
    assert!(records.iter().enumerate().all(|(index, record)| record.sequence == index as u64));
}
