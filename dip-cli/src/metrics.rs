//! Metrics of a run in a file, for the textfile collector of Prometheus' node exporter, which reads `*.prom` in its directory.

use dip::Engine;
use dip::core::journal::Record;
use dip::core::metrics::Metrics;
use dip::core::whole_file::replace;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::error::CliError;
use crate::out::Out;

/// How old the file may be while things happen: no more often is it read.
const EVERY: Duration = Duration::from_secs(5);

/// Writes the metrics of a run into a file while the run goes on, on a thread of its own: a simulation's clock does not hold
/// for it, and a large plan is counted without holding up its run.
pub(crate) struct MetricsFile {
    path: PathBuf,
    writer: JoinHandle<std::io::Result<()>>,
}

impl MetricsFile {
    /// Follows the run that the engine will carry out, of which `before` has happened already.
    pub(crate) fn follow(path: &Path, engine: &mut Engine, before: &[Record]) -> Result<Self, CliError> {
        let failed = |source| CliError::File { path: path.to_owned(), action: "written", source };
        let mut metrics = Metrics::new();
        before.iter().for_each(|record| metrics.record(record));
        // Who cannot write there is told before anything is done.
        replace(path, &metrics.to_prometheus()).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(CliError::Runtime)?;
        let (records, to) = (engine.events(), path.to_owned());
        let writer = std::thread::spawn(move || runtime.block_on(keep(metrics, records, &to)));
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Waits for the last writing. Call it when the engine is gone, with which the records end.
    pub(crate) fn finish(self, out: &Out) {
        let path = self.path.display();
        match self.writer.join() {
            Ok(Ok(())) => {}
            // The run is not to blame.
            Ok(Err(error)) => out.note(format!("the metrics in {path} are not those of the end: {error}")),
            Err(_) => out.note(format!("the metrics in {path} are not those of the end: their writer panicked")),
        }
    }
}

async fn keep(mut metrics: Metrics, mut records: UnboundedReceiver<Record>, path: &Path) -> std::io::Result<()> {
    let mut due: Option<Instant> = None;
    // The plan is told with the first record: what an earlier run left in the file is replaced at once.
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            record = records.recv() => match record {
                Some(record) => {
                    metrics.record(&record);
                    due.get_or_insert_with(|| Instant::now() + pause);
                    pause = EVERY;
                }
                None => return replace(path, &metrics.to_prometheus()),
            },
            () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                due = None;
                // A disk that is full now may have room at the end, where it is told.
                let _ = replace(path, &metrics.to_prometheus());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dip::core::journal::MemoryJournal;
    use dip::core::site::{Format, Lock, Site, Source};
    use dip::sandbox::{Sandbox, datacenter};
    use dip::{Goal, Observed, Planner, Stop};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn records() -> Vec<Record> {
        let layers = dip::layers();
        let source = Source::new("site.yaml", Format::Yaml, datacenter(1, 1));
        let site = Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default()).expect("a site").site);
        let sandbox = Sandbox::new(&site, 1);
        let (providers, clock, journal) = (sandbox.providers(), sandbox.clock(), Arc::new(MemoryJournal::new()));
        sandbox.block_on(async {
            let prepared = Planner::new(&layers, &providers)
                .goal(Goal::Ready)
                .clock(&clock)
                .prepare(site, &mut Observed::new())
                .await;
            let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::new(clock));
            let plan = prepared.expect("a plan").plan;
            engine.run("kept", plan, Arc::clone(&journal) as _, &Stop::new()).await.expect("a run");
        });
        journal.records()
    }

    #[test]
    fn the_file_is_written_while_the_run_goes_on_and_at_its_end() {
        let records = records();
        let path = std::env::temp_dir().join(format!("dip-kept-{}.prom", std::process::id()));
        let read = || std::fs::read_to_string(&path).expect("it was written");
        let has = |count: usize| read().contains(&format!("dip_journal_records_total{{site=\"demo\"}} {count}\n"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (sender, receiver) = unbounded_channel();
            let keeper = tokio::spawn({
                let path = path.clone();
                async move { keep(Metrics::new(), receiver, &path).await }
            });
            let send = |record: &Record| sender.send(record.clone()).expect("it listens");
            send(&records[0]);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(has(1), "the plan is told at once");
            send(&records[1]);
            tokio::time::sleep(EVERY / 2).await;
            assert!(has(1), "it is not written for each record");
            tokio::time::sleep(EVERY).await;
            assert!(has(2), "it is written after a while, though nothing more happened");
            records[2..].iter().for_each(send);
            drop(sender);
            keeper.await.expect("no panic").expect("it could be written");
        });
        assert!(has(records.len()) && read().contains("outcome=\"ready\"} 1\n"), "{}", read());
        std::fs::remove_file(&path).expect("it is there");
    }
}
