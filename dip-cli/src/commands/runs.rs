//! `dip runs`: the runs of a directory.

use dip::core::engine::{RunView, Status};
use dip::core::id::StepId;
use dip::core::journal::runs;
use serde::Serialize;

use crate::args::Runs;
use crate::error::CliError;
use crate::out::Out;
use crate::target::read;

#[derive(Serialize)]
struct Line {
    run: String,
    site: String,
    plan: String,
    state: String,
    settled: usize,
    steps: usize,
    began: jiff::Timestamp,
}

pub(super) fn run(args: &Runs, out: &Out) -> Result<u8, CliError> {
    let directory = args.journals.directory();
    let all = runs(&directory)?;
    if all.is_empty() && !out.json {
        out.line(format!("There are no runs in {}.", directory.display()))?;
    }
    let mut status = super::READY;
    for file in all {
        // One journal that cannot be read must not hide the others.
        let view = match read(&file.path) {
            Ok(records) => RunView::of(&records),
            Err(error) => {
                out.error(&error);
                status = error.exit_status();
                continue;
            }
        };
        let Some(view) = view else {
            out.note(format!("{} does not begin with a plan", file.path.display()));
            continue;
        };
        let line = line(file.run, &view);
        if out.json {
            out.json(&line)?;
        } else {
            let Line { run, site, state, settled, steps, began, .. } = line;
            out.line(format!(
                "{run}  {site:12}  {settled:>6}/{steps:<6}  {state:12}  {}",
                began.strftime("%Y-%m-%d %H:%M:%S")
            ))?;
        }
    }
    Ok(status)
}

fn line(run: String, view: &RunView) -> Line {
    let steps = view.plan().steps().len();
    let is_settled = |index: &usize| matches!(view.schedule.status(StepId::at(*index)), Status::Settled(_));
    Line {
        run,
        site: view.plan().site().name.to_string(),
        plan: view.plan().id().to_string(),
        // Whether a process still works on it is known to the lock alone; the journal only knows that it did not end.
        state: view.outcome.map_or_else(|| "not ended".to_owned(), |outcome| outcome.to_string()),
        settled: (0..steps).filter(is_settled).count(),
        steps,
        began: view.began,
    }
}
