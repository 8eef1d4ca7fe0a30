//! `dip show`: where a run stands, also while it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use dip::Report;
use dip::core::engine::{RunView, Status, Waiting};
use dip::core::history::History;
use dip::core::id::{LayerId, StepId};
use dip::core::journal::Change;
use dip::core::metrics::Metrics;
use serde_json::json;

use crate::args::Show;
use crate::error::CliError;
use crate::out::Out;
use crate::present::past::{self, Kind};
use crate::present::standing::standing;
use crate::target::{find_run, read, view};

pub(super) fn run(args: &Show, out: &Out) -> Result<u8, CliError> {
    let file = find_run(&args.journals.directory(), args.run.as_deref(), |_| true, "run")?;
    if args.metrics {
        let mut metrics = Metrics::new();
        read(&file.path)?.iter().for_each(|record| metrics.record(record));
        out.text(metrics.to_prometheus())?;
        return Ok(super::READY);
    }
    let view = view(&file)?;
    if out.json {
        let took = Duration::try_from(view.last.duration_since(view.began)).unwrap_or_default();
        let outcome = view.outcome.unwrap_or(dip::Outcome::Interrupted);
        out.json(&json!({"report": Report::new(&view.run, &view.schedule, outcome, took)}))?;
        return Ok(super::READY);
    }
    head(&view, out)?;
    layers(&view, out)?;
    let kind = Kind::of_run(&view.run);
    let history = past::history(&args.journals.directory(), view.plan().site(), kind, out);
    open_steps(&view, &history, out)?;
    Ok(super::READY)
}

fn head(view: &RunView, out: &Out) -> Result<(), CliError> {
    let plan = view.plan();
    out.line(format!("run   {}", view.run))?;
    out.line(format!("site  {}, plan {}, {} steps", plan.site().name, plan.id().short(), plan.steps().len()))?;
    out.line(format!(
        "began {}, last record {}",
        view.began.strftime("%Y-%m-%d %H:%M:%S"),
        view.last.strftime("%H:%M:%S")
    ))?;
    match (&view.outcome, &view.owner) {
        (Some(outcome), _) => out.line(format!("state {outcome}")),
        (None, Some(owner)) => out.line(format!("state not ended; last worked on by {owner}")),
        (None, None) => out.line("state not ended"),
    }?;
    match view.schedule.hold() {
        Some(reason) => out.line(format!("held  {reason}; `dip continue {}` lets it go on", view.run)),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Count {
    changed: usize,
    held: usize,
    open: usize,
    failed: usize,
}

fn layers(view: &RunView, out: &Out) -> Result<(), CliError> {
    let mut counts: BTreeMap<LayerId, Count> = BTreeMap::new();
    for (index, planned) in view.plan().steps().iter().enumerate() {
        let count = counts.entry(planned.step.layer).or_default();
        match view.schedule.status(StepId::at(index)) {
            Status::Settled(Change::Made) => count.changed += 1,
            Status::Settled(Change::None) | Status::Skipped { .. } => count.held += 1,
            Status::Failed { .. } | Status::Blocked { .. } => count.failed += 1,
            Status::Waiting(_) | Status::Running { .. } => count.open += 1,
        }
    }
    for (layer, Count { changed, held, open, failed }) in counts {
        let name = format!("{} {layer}", layer.number());
        out.line(format!(
            "  {name:13} {changed:>6} changed {held:>6} held {open:>6} open {failed:>6} failed or blocked"
        ))?;
    }
    Ok(())
}

/// The steps that failed, run, or wait for something of their own. Those that wait for these are not listed.
fn open_steps(view: &RunView, history: &History, out: &Out) -> Result<(), CliError> {
    const SHOWN: usize = 20;
    let (mut failed, mut open) = (Vec::new(), Vec::new());
    for (index, planned) in view.plan().steps().iter().enumerate() {
        let step = StepId::at(index);
        let words = || standing(view, step, history);
        let (list, words) = match view.schedule.status(step) {
            Status::Settled(_) | Status::Blocked { .. } => continue,
            Status::Waiting(Waiting::Needs(_) | Waiting::Turn | Waiting::Limit { .. } | Waiting::Stopped) => continue,
            Status::Failed { .. } => (&mut failed, out.style.bad(words())),
            Status::Skipped { .. } => (&mut open, out.style.faint(words())),
            Status::Waiting(_) => (&mut open, out.style.warn(words())),
            Status::Running { .. } => (&mut open, out.style.strong(words())),
        };
        list.push(format!("  {}: {words}", planned.step.name));
    }
    let lines: Vec<String> = failed.into_iter().chain(open).collect();
    let more = lines.len().saturating_sub(SHOWN);
    for line in lines.iter().take(SHOWN) {
        out.line(line)?;
    }
    if more > 0 {
        out.line(format!("  and {more} more; `dip why {} STEP` tells of each", view.run))?;
    }
    Ok(())
}
