//! Files of every form that was ever written are still read.
//!
//! `DIP_BLESS=1` writes the files of today's form anew. Do that only together with a new form number and a new row in the
//! tables of `plan/document.rs` and `journal/event.rs`: a changed file of an old form is what these tests are here to prevent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip_core::engine::{Engine, RunView, Stop};
use dip_core::journal::{Event, FileJournal, Journal, JournalReader, MemoryJournal, Owner, Record};
use dip_core::plan::Plan;
use dip_core::report::Outcome;
use dip_core::step::Environment;

use crate::toy::{Stage, node, set};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/old").join(name)
}

fn stage() -> Stage {
    let n1 = node("n1");
    Stage::new(vec![set("a", &[]), set("b", &["a"]).in_environment(&n1, Environment::Installed), set("c", &["b"])])
}

async fn records() -> Vec<Record> {
    let stage = stage();
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(MemoryJournal::new());
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    engine.run("old", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await.expect("a run");
    let mut records = journal.records();
    for record in &mut records {
        if let Event::Opened { owner, .. } = &mut record.event {
            *owner = Owner { host: "host".to_owned(), user: "user".to_owned(), process: 1 };
        }
    }
    records
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_form_1_is_read() {
    let path = golden("plan-1.json");
    if std::env::var_os("DIP_BLESS").is_some() {
        let plan = stage().prepare().await.expect("a plan").plan;
        std::fs::write(&path, serde_json::to_string(&*plan).expect("JSON")).expect("the file can be written");
    }
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let plan: Plan = serde_json::from_str(&text).expect("form 1 is read");
    assert_eq!((plan.steps().len(), plan.boots().len()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_form_1_is_read() {
    let path = golden("run-1.journal");
    if std::env::var_os("DIP_BLESS").is_some() {
        let _ = std::fs::remove_file(&path);
        let journal = FileJournal::create(&path).expect("the file can be made");
        for record in records().await {
            journal.append(&record).expect("it is JSON");
        }
        journal.sync().await.expect("it can be written");
    }
    let records = JournalReader::open(&path).and_then(|mut reader| reader.read()).expect("form 1 is read");
    let view = RunView::of(&records).expect("it begins with a plan");
    assert_eq!((view.run.as_str(), view.outcome), ("old", Some(Outcome::Ready)));
}
