//! What happens when the program dies in the middle, and how does it go on?
//!
//! `cargo run --example resume_after_a_crash`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use dip::core::engine::Clock;
use dip::core::journal::FileJournal;
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Engine, Observed, Outcome, Planner, Stop};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let layers = dip::layers();
    let source = Source::new("site.yaml", Format::Yaml, datacenter(6, 2));
    let site = Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default())?.site);
    let sandbox = Sandbox::new(&site, 1);
    let providers = sandbox.providers();
    let clock: Arc<dyn Clock> = Arc::new(sandbox.clock());
    let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::clone(&clock));
    let journal = Journal::new();

    let look = async || {
        Planner::new(&layers, &providers).clock(&*clock).prepare(Arc::clone(&site), &mut Observed::new()).await
    };
    let stop = Stop::new();

    let plan = sandbox.block_on(look())?.plan;
    println!("{} steps are to be done; the process dies after one minute.", plan.steps().len());
    let file = Arc::new(FileJournal::create(&journal.0)?);
    // A runtime that ends takes everything with it that ran: only the journal and the world stay, as in a crash.
    let died = sandbox.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), engine.run("first", plan, file, &stop)).await.is_err()
    });
    assert!(died, "a minute is too short for six machines to boot");

    let (file, records, tail) = FileJournal::resume(&journal.0)?;
    println!("The journal holds {} records; its tail is {tail:?}.", records.len());
    let report = sandbox.block_on(engine.resume(&records, Arc::new(file), &stop))?;
    print!("{report}");
    assert_eq!(report.outcome, Outcome::Ready);

    // Nothing is done twice that must not be: each machine was switched on once, before the crash or after it.
    for (mutation, times) in sandbox.mutations().into_iter().filter(|(mutation, _)| mutation.action == "power on") {
        println!("{mutation} × {times}");
        assert_eq!(times, 1);
    }
    assert!(sandbox.block_on(look())?.plan.is_empty());
    println!("A second look finds nothing to do.");
    Ok(())
}

/// A file for the journal, removed at the end.
struct Journal(PathBuf);

impl Journal {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("dip-example-{}.journal", std::process::id())))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
