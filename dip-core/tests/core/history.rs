//! History: what past runs tell of how long things take, and which of them do not count.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Engine, Stop};
use dip_core::fact::Facts;
use dip_core::history::{Expected, History, HistoryFiles, Skipped, Source};
use dip_core::id::{SiteName, StepId};
use dip_core::journal::{Change, Event, FileJournal, Journal, MemoryJournal, Owner, RECORD_VERSION, Record, RunFile};
use dip_core::operation::Patience;
use dip_core::plan::Plan;
use dip_core::report::Outcome;
use jiff::{Timestamp, ToSpan};

use crate::toy::{Stage, set};

pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    start + seconds.seconds()
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A run whose events happen at these seconds.
pub(crate) fn run(plan: &Arc<Plan>, events: impl IntoIterator<Item = (i64, Event)>) -> Vec<Record> {
    let began = Event::Began { version: RECORD_VERSION, run: "r".to_owned(), plan: Arc::clone(plan) };
    let all = [(0, began), (0, opened(1))].into_iter().chain(events);
    (0..).zip(all).map(|(sequence, (second, event))| Record { sequence, at: at(second), event }).collect()
}

pub(crate) fn opened(fence: u64) -> Event {
    Event::Opened { owner: Owner { host: "h".into(), user: "u".into(), process: 1 }, fence, limits: None }
}

pub(crate) fn started(step: u32) -> Event {
    Event::Started { step: StepId(step), attempt: 1 }
}

pub(crate) fn settled(step: u32, change: Change) -> Event {
    Event::Settled { step: StepId(step), change, facts: Facts::new() }
}

fn waiting(step: u32, until: i64) -> Event {
    let (reason, poll) = ("the thing".to_owned(), secs(5));
    Event::Waiting { step: StepId(step), reason, until: at(until), poll, change: Change::Made }
}

pub(crate) async fn one_step() -> Arc<Plan> {
    Stage::new(vec![set("a", &[])]).prepare().await.expect("a plan").plan
}

#[tokio::test(start_paused = true)]
async fn a_step_takes_from_its_first_start_to_its_end_and_waits_hold_no_worker() {
    let plan = one_step().await;
    let retrying = Event::Retrying { step: StepId(0), attempt: 1, error: "busy".into(), until: at(20) };
    let mut history = History::new();
    assert!(history.add(&run(
        &plan,
        [
            (10, started(0)),
            (12, retrying),
            (20, Event::Started { step: StepId(0), attempt: 2 }),
            (23, waiting(0, 28)),
            (29, waiting(0, 34)),
            (35, settled(0, Change::Made)),
        ],
    )));
    let samples = history.samples("toy.set", &plan.steps()[0].reading);
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].took, secs(25), "from 10 to 35");
    assert_eq!(samples[0].held, secs(2 + 3 + 1 + 1), "two attempts and two looks");
    assert_eq!(history.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_as_wanted_by_itself_says_nothing_of_how_long_a_change_takes() {
    let plan = one_step().await;
    let mut history = History::new();
    for took in [10, 20, 30] {
        history.add(&run(&plan, [(0, started(0)), (took, settled(0, Change::Made))]));
        history.add(&run(&plan, [(0, started(0)), (1, settled(0, Change::None))]));
    }
    let expected = history.expected(&plan.steps()[0]);
    assert_eq!(expected.median, secs(20), "the plan knows that it differs");
    assert_eq!(expected.source, Source::Runs { samples: 3 });
    let mut unseen = plan.steps()[0].clone();
    unseen.reading = serde_json::from_str("{\"unknown\": {\"unobservable\": \"why\"}}").expect("a reading");
    assert_eq!(history.expected(&unseen).source, Source::Runs { samples: 6 }, "here it may be either");
    assert_eq!(history.usual()(&unseen.step), secs(20), "whoever goes first by it is ordered by changes");
    assert_eq!(History::new().usual()(&unseen.step), secs(15), "or by the default");
}

#[tokio::test(start_paused = true)]
async fn a_night_between_two_owners_of_a_run_is_no_duration() {
    let plan = one_step().await;
    let mut history = History::new();
    history.add(&run(&plan, [(0, started(0)), (40_000, opened(2)), (40_000, settled(0, Change::Made))]));
    assert!(history.samples("toy.set", &plan.steps()[0].reading).is_empty());
    let again = [(0, started(0)), (40_000, opened(2)), (40_001, started(0)), (40_003, settled(0, Change::Made))];
    history.add(&run(&plan, again));
    assert_eq!(history.expected(&plan.steps()[0]).median, secs(2));
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_64_samples_count() {
    let plan = one_step().await;
    let mut history = History::new();
    for took in (0..64).map(|_| 100).chain((0..64).map(|_| 7)) {
        history.add(&run(&plan, [(0, started(0)), (took, settled(0, Change::Made))]));
    }
    let expected = history.expected(&plan.steps()[0]);
    assert_eq!((expected.p10, expected.median, expected.p90), (secs(7), secs(7), secs(7)));
    assert_eq!(expected.source, Source::Runs { samples: 64 });
}

#[tokio::test(start_paused = true)]
async fn median_and_percentiles_are_values_that_were_measured() {
    let plan = one_step().await;
    let mut history = History::new();
    for took in 1..=10 {
        history.add(&run(&plan, [(0, started(0)), (took * 10, settled(0, Change::Made))]));
    }
    let expected = history.expected(&plan.steps()[0]);
    assert_eq!((expected.p10, expected.median, expected.p90), (secs(20), secs(60), secs(90)));
    let end = history.expected_end(&plan.steps()[0], at(100));
    assert_eq!(end, Some(at(160)), "the median after its start");
}

#[tokio::test(start_paused = true)]
async fn without_runs_patience_gives_a_default_and_nobody_is_told_an_end() {
    let plan = one_step().await;
    let expected = History::new().expected(&plan.steps()[0]);
    assert_eq!(expected.source, Source::Default);
    assert_eq!((expected.median, expected.held), (secs(15), Duration::from_millis(3_750)));
    assert_eq!(Expected::by_default(Patience::BOOT).median, Duration::from_millis(112_500));
    assert_eq!(History::new().expected_end(&plan.steps()[0], at(0)), None);
}

#[tokio::test(start_paused = true)]
async fn a_history_reads_back_and_one_of_another_form_is_refused() {
    let plan = one_step().await;
    let mut history = History::new();
    history.add(&run(&plan, [(0, started(0)), (9, settled(0, Change::Made))]));
    let text = serde_json::to_string(&history).expect("JSON");
    assert_eq!(serde_json::from_str::<History>(&text).expect("a history"), history);
    let newer = text.replace("\"dip_history\":1", "\"dip_history\":2");
    let error = serde_json::from_str::<History>(&newer).expect_err("another form").to_string();
    assert!(error.starts_with("the history has form 2, and this dip reads form 1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn records_that_make_no_sense_add_nothing_and_do_no_harm() {
    let plan = one_step().await;
    let mut history = History::new();
    let mad = [
        (5, settled(0, Change::Made)),
        (9, started(7)),
        (8, started(0)),
        (3, settled(0, Change::Made)),
        (2, Event::Ended { outcome: Outcome::Ready, took: Duration::MAX }),
    ];
    history.add(&run(&plan, mad));
    assert_eq!(history.expected(&plan.steps()[0]).median, Duration::ZERO, "a clock that was set back is no duration");
    assert!(!history.add(&run(&plan, [])[1..]), "it does not begin with a plan");
}

fn directory(name: &str) -> PathBuf {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

async fn keep(directory: &std::path::Path, name: &str, records: &[Record]) {
    let journal = FileJournal::create(&RunFile::of(directory, name).path).expect("a journal");
    records.iter().for_each(|record| journal.append(record).expect("it is appended"));
    journal.sync().await.expect("it is written");
}

#[tokio::test]
async fn journals_that_are_damaged_are_told_and_do_not_hide_the_others() {
    let plan = one_step().await;
    let directory = directory("history-damaged");
    let took = |seconds| run(&plan, [(0, started(0)), (seconds, settled(0, Change::Made))]);
    keep(&directory, "1", &took(5)).await;
    keep(&directory, "2-simulated", &took(500)).await;
    let mut bytes = std::fs::read(directory.join("1.journal")).expect("it was written");
    bytes[40] ^= 1;
    std::fs::write(directory.join("3.journal"), bytes).expect("a file");
    keep(&directory, "4", &took(5)[1..]).await;
    let read = |runs| {
        let files = HistoryFiles { runs, ..HistoryFiles::default() };
        files.read(&directory, &plan.site().name, |file| !file.run.ends_with("-simulated")).expect("a directory")
    };
    let (history, skipped) = read(20);
    assert_eq!(history.runs(), 1);
    assert_eq!(history.expected(&plan.steps()[0]).median, secs(5), "the run that does not count is left out");
    assert!(matches!(&skipped[..], [Skipped::Unreadable(_), Skipped::NoPlan(_)]), "{skipped:?}");
    assert_eq!(read(2).0.runs(), 0, "only the newest are looked at");
    let elsewhere = SiteName::new("elsewhere").expect("a name");
    let other = HistoryFiles::default().read(&directory, &elsewhere, |_| true).expect("a directory").0;
    assert_eq!(other.runs(), 0, "another site has other machines");
    let nowhere = directory.join("nowhere");
    assert_eq!(HistoryFiles::default().read(&nowhere, &plan.site().name, |_| true).expect("no runs").0.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_the_engine_tells_how_long_its_steps_took() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    stage.change(|world| {
        world.takes = secs(3);
        world.slow.insert("b".to_owned(), secs(20));
    });
    let plan = stage.prepare().await.expect("a plan").plan;
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    let journal = Arc::new(MemoryJournal::default());
    engine.run("r", Arc::clone(&plan), Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await.expect("a run");
    let mut history = History::new();
    history.add(&journal.records());
    let took: Vec<u64> =
        history.samples("toy.set", &plan.steps()[0].reading).iter().map(|sample| sample.took.as_secs()).collect();
    assert_eq!(took, [3, 23], "an apply of 3 s each, and 20 s until the slow one is there");
    let held: Vec<u64> =
        history.samples("toy.set", &plan.steps()[0].reading).iter().map(|sample| sample.held.as_secs()).collect();
    assert_eq!(held, [3, 3], "nobody was held up by the 20 s");
}
