//! The journal in a file: durable, readable while it is written, sound after damage.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use dip_core::engine::{Engine, Stop};
use dip_core::journal::{Event, FileJournal, Journal, JournalError, JournalReader, Record, Tail, runs};
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
