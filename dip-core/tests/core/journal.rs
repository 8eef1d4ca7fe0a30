//! The journal in a file: durable, readable while it is written, sound after damage.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use dip_core::engine::{Engine, Stop};
use dip_core::id::SiteName;
use dip_core::journal::{Event, FileJournal, Journal, JournalError, JournalReader, Record, SiteLock, Tail, runs};
use dip_core::report::Outcome;

use crate::toy::{Stage, set};

/// A directory that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dip-core-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for the test");
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("r1.journal")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn run(scratch: &Scratch) -> Stage {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["b"])]);
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(FileJournal::create(&scratch.journal()).expect("a journal"));
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    let report = engine.run("r1", plan, journal, &Stop::new()).await.expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
    stage
}

#[tokio::test]
async fn a_run_is_read_back_record_by_record() {
    let scratch = Scratch::new("read");
    run(&scratch).await;
    let mut reader = JournalReader::open(&scratch.journal()).expect("it is there");
    let records = reader.read().expect("it is sound");
    assert_eq!(reader.tail().expect("it has a length"), Tail::Whole);
    assert!(records.iter().enumerate().all(|(index, record)| record.sequence == index as u64));
    assert!(matches!(records.first().map(|record| &record.event), Some(Event::Began { .. })));
    assert!(matches!(records.last().map(|record| &record.event), Some(Event::Ended { .. })));
    assert_eq!(runs(&scratch.0).expect("a directory").len(), 1);
}

#[tokio::test]
async fn a_cut_tail_loses_no_whole_record_and_is_told() {
    let scratch = Scratch::new("cut");
    run(&scratch).await;
    let whole = std::fs::read(scratch.journal()).expect("bytes");
    let all = JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read()).expect("records").len();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("lines") + 1;
    for cut in [last + 1, last + 10, last + 30, whole.len() - 1] {
        std::fs::write(scratch.journal(), &whole[..cut]).expect("a cut file");
        let (_, records, tail) = FileJournal::resume(&scratch.journal()).expect("it is sound up to the cut");
        assert_eq!(records.len(), all - 1, "cut at {cut}");
        assert_eq!(tail, Tail::Cut { sound: last as u64, lost: (cut - last) as u64 });
    }
}

#[tokio::test]
async fn a_damaged_byte_ends_the_sound_part_before_it() {
    let scratch = Scratch::new("damage");
    run(&scratch).await;
    let whole = std::fs::read(scratch.journal()).expect("bytes");
    let mut file = OpenOptions::new().write(true).open(scratch.journal()).expect("a file");
    file.seek(SeekFrom::Start(whole.len() as u64 - 20)).and_then(|_| file.write_all(b"#")).expect("damage");
    drop(file);
    let (_, records, tail) = FileJournal::resume(&scratch.journal()).expect("it is sound up to the damage");
    assert!(matches!(tail, Tail::Cut { .. }));
    assert!(records.len() > 3);
}

#[tokio::test]
async fn the_second_writer_is_told_who_holds_the_journal() {
    let scratch = Scratch::new("held");
    run(&scratch).await;
    let (held, ..) = FileJournal::resume(&scratch.journal()).expect("nobody holds it");
    let error = FileJournal::resume(&scratch.journal()).expect_err("it is held");
    assert!(matches!(error, JournalError::Held { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    // A reader is never kept out.
    assert!(JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read()).is_ok());
    drop(held);
    assert!(FileJournal::resume(&scratch.journal()).is_ok());
}

#[tokio::test]
async fn any_bytes_are_read_without_a_panic() {
    let scratch = Scratch::new("bytes");
    for bytes in
        [&b""[..], b"\n", b"zzzzzzzz zzzzzzzz {}\n", b"ffffffff ffffffff {}\n", b"00000002 00000000 {}\n", &[0xff; 64]]
    {
        std::fs::write(scratch.journal(), bytes).expect("a file");
        let read = JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read());
        assert!(!matches!(read, Ok(records) if !records.is_empty()));
    }
}

fn stopping(sequence: u64) -> Record {
    Record { sequence, at: "2026-01-01T00:00:00Z".parse().expect("a time"), event: Event::Stopping }
}

#[tokio::test]
async fn a_cancelled_sync_does_not_break_the_journal() {
    let scratch = Scratch::new("cancelled");
    let journal = FileJournal::create(&scratch.journal()).expect("a journal");
    for sequence in 0..20 {
        journal.append(&stopping(sequence)).expect("it is sound");
        // The write has begun, and whoever waited for it is gone.
        assert!(futures_util::FutureExt::now_or_never(journal.sync()).is_none_or(|synced| synced.is_ok()));
    }
    journal.sync().await.expect("nothing is broken");
    let records = JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read()).expect("records");
    let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (0..20).collect::<Vec<_>>());
}

#[test]
fn a_thread_that_may_block_shares_the_journal_with_those_that_may_not() {
    let scratch = Scratch::new("blocking");
    let journal = FileJournal::create(&scratch.journal()).expect("a journal");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let on_disk =
        || JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read()).expect("records").len();
    for sequence in (0..20).step_by(2) {
        journal.append(&stopping(sequence)).expect("it is sound");
        // A write that has begun, and that nobody waits for any more, comes first.
        runtime.block_on(async { futures_util::FutureExt::now_or_never(journal.sync()) });
        journal.append(&stopping(sequence + 1)).expect("it is sound");
        journal.sync_from(&runtime).expect("nothing is broken");
        assert_eq!(on_disk() as u64, sequence + 2);
        journal.sync_from(&runtime).expect("there is nothing to write");
    }
    runtime.block_on(journal.sync()).expect("there is nothing to write");
    let records = JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read()).expect("records");
    assert_eq!(records.iter().map(|record| record.sequence).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_journal_can_be_named_without_a_directory() {
    let path = PathBuf::from(format!("relative-{}.journal", std::process::id()));
    let made = FileJournal::create(&path);
    let _ = std::fs::remove_file(&path);
    made.expect("a journal in the current directory");
}

#[tokio::test]
async fn readers_see_what_goes_on_although_nothing_is_applied() {
    let scratch = Scratch::new("follow");
    let stage = Stage::new(vec![set("a", &[])]);
    stage.change(|world| world.slow.insert("a".to_owned(), std::time::Duration::from_secs(60)));
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(FileJournal::create(&scratch.journal()).expect("a journal"));
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    let stop = Stop::new();
    let reads = async {
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        let records = JournalReader::open(&scratch.journal()).and_then(|mut reader| reader.read());
        stop.ask();
        records.expect("records")
    };
    let (report, records) = tokio::join!(engine.run("r1", plan, journal, &stop), reads);
    assert_eq!(report.expect("a run").outcome, Outcome::Interrupted);
    assert!(records.iter().any(|record| matches!(record.event, Event::Waiting { .. })), "{records:?}");
}

#[tokio::test]
async fn what_a_newer_dip_has_written_is_told_and_not_cut_off() {
    let scratch = Scratch::new("newer");
    run(&scratch).await;
    let path = scratch.journal();
    let json = br#"{"sequence":99,"at":"2026-01-01T00:00:00Z","event":{"from_the_future":{"step":1}}}"#;
    let mut file = OpenOptions::new().append(true).open(&path).expect("the file is there");
    write!(file, "{:08x} {:08x} ", json.len(), crc32c::crc32c(json)).expect("it can be written");
    file.write_all(json).and_then(|()| file.write_all(b"\n")).expect("it can be written");
    let before = std::fs::read(&path).expect("the file");
    let resume = || FileJournal::resume(&path).map(|(_, records, tail)| (records.len(), tail));
    let mut resumed = resume();
    // A process that another test is just starting has the file open for a moment longer than its journal.
    while matches!(resumed, Err(JournalError::Held { .. })) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        resumed = resume();
    }
    assert!(
        matches!(&resumed, Err(JournalError::Form { why, .. }) if why.contains("unknown variant `from_the_future`")),
        "{resumed:?}"
    );
    assert_eq!(std::fs::read(&path).expect("the file"), before, "nothing of it is lost");
}

#[test]
fn two_operators_do_not_run_against_each_other_from_one_place() {
    let scratch = Scratch::new("site-lock");
    let directory = scratch.0.join("runs");
    let (site, other) = (SiteName::new("lab").expect("a name"), SiteName::new("lab2").expect("a name"));
    let since = "2026-01-01T00:00:00Z".parse().expect("a time");
    let mut first = SiteLock::take(&directory, &site, since).expect("nobody holds it");
    let held = |lock: Result<SiteLock, JournalError>| lock.map(|_| ()).expect_err("it is held").to_string();
    let told = held(SiteLock::take(&directory, &site, since));
    let me = format!("process {} of ", std::process::id());
    assert!(told.starts_with(&format!("site lab is held by {me}")), "{told}");
    assert!(
        told.contains("who plans and has not begun, since 2026-01-01T00:00:00Z; wait for it, or stop it"),
        "{told}"
    );
    first.works_on("r7").expect("it can be written");
    let told = held(SiteLock::take(&directory, &site, since));
    assert!(told.contains("for run r7, since 2026-01-01T00:00:00Z"), "{told}");
    SiteLock::take(&directory, &other, since).expect("another site is not concerned");
    assert_eq!(runs(&directory).expect("a directory"), [], "a lock is no run");
    drop(first);
    SiteLock::take(&directory, &site, since).expect("it is free again");
}

#[test]
fn a_site_lock_that_a_crash_left_behind_holds_nobody_up() {
    let scratch = Scratch::new("site-lock-crash");
    let site = SiteName::new("lab").expect("a name");
    let since = "2026-01-01T00:00:00Z".parse().expect("a time");
    let mut lock = SiteLock::take(&scratch.0, &site, since).expect("nobody holds it");
    lock.works_on("a-run-with-a-long-name").expect("it can be written");
    let left = std::fs::read(scratch.0.join("lab.lock")).expect("its content");
    drop(lock);
    // A process that dies clears nothing up; its lock goes with it all the same.
    std::fs::write(scratch.0.join("lab.lock"), left).expect("a file");
    let _lock = SiteLock::take(&scratch.0, &site, since).expect("nobody holds it");
    let told = SiteLock::take(&scratch.0, &site, since).map(|_| ()).expect_err("it is held").to_string();
    assert!(told.contains("who plans"), "nothing of the dead one is told: {told}");
}
