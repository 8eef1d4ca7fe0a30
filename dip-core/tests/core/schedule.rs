//! The schedule by itself: what it makes of records, whoever wrote them.

use crate::effort::Effort;
use std::sync::Arc;

use dip_core::engine::{Limits, RunView, Schedule, Status, Waiting};
use dip_core::fact::Facts;
use dip_core::id::StepId;
use dip_core::journal::{Change, Event, FailureKind, Owner, RECORD_VERSION, Record};
use dip_core::plan::Plan;
use dip_core::report::Outcome;
use dip_core::step::{Lock, Step};
use jiff::Timestamp;

use crate::toy::{Stage, set};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

async fn plan(steps: Vec<Step>) -> Arc<Plan> {
    Stage::new(steps).prepare().await.expect("a plan").plan
}

fn records(events: impl IntoIterator<Item = Event>) -> Vec<Record> {
    (0..).zip(events).map(|(sequence, event)| Record { sequence, at: now(), event }).collect()
}

fn began(plan: &Arc<Plan>) -> Event {
    Event::Began { version: RECORD_VERSION, run: "r1".to_owned(), plan: Arc::clone(plan) }
}

fn opened(fence: u64) -> Event {
    let owner = Owner { host: "h".to_owned(), user: "u".to_owned(), process: 1 };
    Event::Opened { owner, fence, limits: None }
}

fn started(step: u32) -> Event {
    Event::Started { step: StepId(step), attempt: 1 }
}

fn failed(step: u32) -> Event {
    Event::Failed { step: StepId(step), error: "no".to_owned(), kind: FailureKind::Error }
}

fn settled(step: u32) -> Event {
    Event::Settled { step: StepId(step), change: Change::Made, facts: Facts::new() }
}

fn statuses(schedule: &Schedule) -> Vec<Status> {
    (0..schedule.plan().steps().len()).map(|index| schedule.status(StepId::at(index))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_stays_through_a_resume_sees_what_one_who_comes_later_sees() {
    let plan = plan(vec![set("a", &[]), set("b", &["a"]), set("c", &[])]).await;
    let records = records([
        began(&plan),
        opened(1),
        started(0),
        started(2),
        failed(0),
        settled(2),
        Event::Ended { outcome: Outcome::Failed, took: std::time::Duration::ZERO },
        opened(2),
        started(0),
        failed(0),
        opened(3),
        started(0),
        settled(0),
        started(1),
    ]);
    let mut stays = RunView::of(&records[..1]).expect("a run");
    for (index, record) in records.iter().enumerate().skip(1) {
        stays.record(record);
        let comes = RunView::of(&records[..=index]).expect("a run");
        assert_eq!(statuses(&stays.schedule), statuses(&comes.schedule), "after record {index}");
        assert_eq!(stays.outcome, comes.outcome, "after record {index}");
    }
    assert!(matches!(stays.schedule.status(StepId(1)), Status::Running { .. }));
}

#[tokio::test(start_paused = true)]
async fn records_that_make_no_sense_do_no_harm() {
    let plan = plan(vec![set("a", &[]), set("b", &["a"]), set("c", &["a", "b"])]).await;
    let facts = Facts::new;
    let waiting = Event::Waiting {
        step: StepId(0),
        reason: "it".to_owned(),
        until: now(),
        poll: std::time::Duration::MAX,
        change: Change::None,
    };
    let retrying = Event::Retrying { step: StepId(0), attempt: u32::MAX, error: "no".to_owned(), until: now() };
    let mad = [
        settled(0),
        settled(0),
        failed(0),
        failed(0),
        started(0),
        waiting,
        retrying,
        settled(2),
        failed(2),
        failed(1),
        settled(1),
        Event::Settled { step: StepId(99), change: Change::None, facts: facts() },
        started(99),
        Event::Ended { outcome: Outcome::Ready, took: std::time::Duration::MAX },
        opened(u64::MAX),
        began(&plan),
        settled(0),
    ];
    for first in 0..mad.len() {
        let turned = mad.iter().cycle().skip(first).take(mad.len() * 2).cloned();
        let records = records(std::iter::once(began(&plan)).chain(turned));
        let mut schedule = Schedule::replay(Arc::clone(&plan), Limits::default(), &records);
        for record in &records {
            schedule.record(record);
            let _ = (schedule.poll(now()), statuses(&schedule), schedule.next_wake(), schedule.is_finished());
        }
        assert!(RunView::of(&records).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_settled_stays_settled_whatever_timer_is_left() {
    let plan = plan(vec![set("a", &[])]).await;
    let waiting = Event::Waiting {
        step: StepId(0),
        reason: "it".to_owned(),
        until: now(),
        poll: std::time::Duration::ZERO,
        change: Change::Made,
    };
    let mut schedule = Schedule::replay(plan, Limits::default(), &[]);
    records([started(0), waiting, settled(0)]).iter().for_each(|record| schedule.record(record));
    assert!(schedule.poll(now()).is_empty());
    assert!(schedule.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_step_behind_a_lock_says_so_to_readers_too() {
    let lock = || Lock::new("zone/lab");
    let plan = plan(vec![set("a", &[]).lock(lock()), set("b", &[]).lock(lock())]).await;
    let view = RunView::of(&records([began(&plan), opened(1), started(0)])).expect("a run");
    assert_eq!(
        view.schedule.status(StepId(1)),
        Status::Waiting(Waiting::Lock {
            lock: lock().name().clone(),
            capacity: 1,
            reason: "nobody said that it bears more than one at a time".to_owned(),
        })
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_works_on_a_step_once_the_run_has_ended() {
    let plan = plan(vec![set("a", &[])]).await;
    let ended = Event::Ended { outcome: Outcome::Interrupted, took: std::time::Duration::ZERO };
    let view = RunView::of(&records([began(&plan), opened(1), started(0), ended])).expect("a run");
    assert_eq!(view.schedule.status(StepId(0)), Status::Waiting(Waiting::Stopped));
}

#[tokio::test(start_paused = true)]
async fn thousands_of_steps_behind_one_lock_take_their_turns_in_no_time() {
    let plan = plan((0..4_000).map(|index| set(&format!("r{index}"), &[]).lock(Lock::new("zone"))).collect()).await;
    let mut schedule = Schedule::replay(plan, Limits::default(), &[]);
    let effort = Effort::begin();
    let mut turns = 0;
    while !schedule.is_finished() {
        let starts = schedule.poll(now());
        assert_eq!(starts.len(), 1, "one at a time, and never nobody");
        records([settled(starts[0].start().expect("a step").step.0)]).iter().for_each(|record| schedule.record(record));
        turns += 1;
    }
    assert_eq!(turns, 4_000);
    // Linear, it takes some tens of milliseconds; where each turn wakes all who wait, it took many seconds.
    assert!(effort.so_far() < std::time::Duration::from_secs(3), "{:?}", effort.so_far());
}
