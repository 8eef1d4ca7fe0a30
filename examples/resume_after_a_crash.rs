//! What happens when the program dies in the middle, and how does it go on?
//!
//! `cargo run --example resume_after_a_crash`

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dip::core::engine::Clock;
use dip::core::journal::FileJournal;
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Engine, Goal, Limits, Outcome, Stop, prepare};

fn main() -> Result<(), Box<dyn Error>> {
    let layers = dip::layers();
    let source = Source::new("site.yaml", Format::Yaml, datacenter(6, 2));
    let site = Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default())?.site);
    let sandbox = Sandbox::new(&site, 1);
    let providers = sandbox.providers();
    let clock: Arc<dyn Clock> = Arc::new(sandbox.clock());
    let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::clone(&clock));
    let journal = Journal::new();

    sandbox.block_on(async {
        let limits = Limits::default();
        let look = || prepare(Arc::clone(&site), &layers, &providers, Goal::Everything, &limits, &*clock);
        let plan = look().await?.plan;
        println!("{} steps are to be done; the process dies after one minute.", plan.steps().len());

        // Dropping the future is as good as a crash: whatever ran is gone, only the journal and the world stay.
        let file = Arc::new(FileJournal::create(&journal.0)?);
        let stop = Stop::new();
        let run = engine.run("first", plan, file, &stop);
        let died = tokio::time::timeout(Duration::from_secs(60), run).await.is_err();
        assert!(died, "a minute is too short for six machines to boot");
        let before = sandbox.mutations();

        let (file, records, tail) = FileJournal::resume(&journal.0)?;
        println!("the journal holds {} records, its tail is {tail:?}", records.len());
        let report = engine.resume(&records, Arc::new(file), &stop).await?;
        print!("{report}");
        assert_eq!(report.outcome, Outcome::Ready);

        // Nothing is done twice: each machine was switched on once, before or after.
        let power: Vec<_> = sandbox.mutations().into_iter().filter(|(what, _)| format!("{what:?}").contains("Power")).collect();
        assert!(power.iter().all(|(_, times)| *times == 1), "{power:?}");
        println!("{} kinds of changes before the crash, each machine switched on once in all", before.len());
        let again = look().await?.plan;
        assert!(again.is_empty());
        println!("a second look finds nothing to do");
        Ok(())
    })
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
