//! `dip resume`: goes on with a run that was interrupted, failed, or whose process died.

use std::sync::Arc;

use dip::core::journal::{FileJournal, OrderFile, SiteLock, Tail};
use dip::{Outcome, Stop};
use jiff::Timestamp;

use super::apply::finish;
use crate::args::Resume;
use crate::error::CliError;
use crate::guard::brought;
use crate::metrics::MetricsFile;
use crate::out::Out;
use crate::run::{Detail, Kept, Work, carry_out};
use crate::target::{find_run, is_simulated, view};
use crate::world::World;

pub(super) fn run(args: &Resume, out: &Out) -> Result<u8, CliError> {
    let guard = brought(&args.papers)?;
    let directory = args.journals.directory();
    let open = |run: &dip::core::engine::RunView| run.outcome != Some(Outcome::Ready) && !is_simulated(&run.run);
    let file = find_run(&directory, args.run.as_deref(), open, "run to go on with")?;
    if is_simulated(&file.run) {
        let text = format!(
            "run `{}` was in a simulated datacenter, which is gone; start another with `dip apply --sandbox`",
            file.run
        );
        return Err(CliError::Usage(text));
    }
    let (journal, records, tail) = FileJournal::resume(&file.path)?;
    if let Tail::Cut { lost, .. } = tail {
        out.note(format!(
            "the journal ended in {lost} bytes that are no whole record; they were cut off, nothing before them is lost"
        ));
    }
    let mut orders = OrderFile::beside(&file.path);
    let mut before = view(&file)?;
    before.expect(orders.read()?);
    if before.outcome == Some(Outcome::Ready) {
        out.line(format!("Run {} is ready already; look for changes since with `dip drift`.", file.run))?;
        return Ok(super::READY);
    }
    out.note(format!("going on with run {}, journal in {}", file.run, directory.display()));
    if let Some(reason) = before.schedule.hold() {
        out.note(format!("somebody holds the run: {reason}; `dip continue {}` lets it go on", file.run));
    }
    let plan = Arc::clone(before.plan());
    let mut lock = SiteLock::take(&directory, &plan.site().name, Timestamp::now())?;
    lock.works_on(&file.run)?;
    let world = World::real(Arc::clone(plan.site()), dip::layers())?;
    let mut engine = super::engine(&world, &directory, out);
    let metrics = args.metrics.as_deref().map(|path| MetricsFile::follow(path, &mut engine, &records)).transpose()?;
    // From their first one on: the run obeys none of them twice.
    let orders = Some(OrderFile::beside(&file.path));
    let engine = engine.guard(guard);
    let (stop, kept) = (Stop::new(), Kept { journal: Arc::new(journal), orders });
    let work = carry_out(engine, &plan, Work::Rest(&records), kept, Detail::Steps, &stop, out);
    let report = world.block_on(work)?;
    if let Some(metrics) = metrics {
        metrics.finish(out);
    }
    finish(&report?, true, out)
}
