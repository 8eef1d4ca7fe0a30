//! `dip apply`: brings a site to what its file wants, or carries out a plan that was made before.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use dip::core::journal::{FileJournal, OrderFile, RunFile};
use dip::core::plan::render;
use dip::{Goal, Plan};
use serde_json::json;

use crate::args::{Apply, SiteFiles};
use crate::error::CliError;
use crate::metrics::MetricsFile;
use crate::out::Out;
use crate::run::{Detail, Work, carry_out};
use crate::target::{SANDBOX, Target};
use crate::world::{self, World};

pub(super) fn run(args: &Apply, out: &Out) -> Result<u8, CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        let text = "there is no terminal to ask on; look at `dip plan` first, then apply with --yes";
        return Err(CliError::Usage(text.to_owned()));
    }
    match Target::of(&args.target)? {
        Target::Site => of_site(args, out),
        Target::Plan(plan) => of_plan(args, *plan, out),
    }
}

fn of_site(args: &Apply, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let files = SiteFiles { site: args.target.clone(), over: args.over.clone() };
    let loaded = world::load(&files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    world.block_on(async {
        let plan = world.prepare(args.through.goal()).await?.plan;
        let answer = show_and_ask(args, &plan, out)?;
        if answer != Answer::No && loaded.lock_changed && !args.simulation.sandbox {
            super::keep(&loaded.lock, &loaded.lock_path, out)?;
        }
        act(answer, args, &world, &plan, out).await
    })?
}

fn of_plan(args: &Apply, plan: Plan, out: &Out) -> Result<u8, CliError> {
    if let Some(option) = args.over.given() {
        let text = format!("a plan holds the site that it was made for; give {option} to `dip plan`");
        return Err(CliError::Usage(text));
    }
    if args.through.goal() != plan.goal() && plan.goal() == Goal::Everything && args.through.goal() == Goal::Ready {
        let text = "a plan is carried out as it was made; make one with `dip plan --through ready`";
        return Err(CliError::Usage(text.to_owned()));
    }
    let world = World::new(Arc::clone(plan.site()), dip::layers(), &args.simulation)?;
    world.block_on(async {
        let now = world.prepare(plan.goal()).await?.plan;
        if now.id() != plan.id() && !now.is_empty() {
            return Err(CliError::Usage(format!(
                "plan {} is stale: something has changed since it was made, and it would now be plan {}; plan again, look, and apply that",
                plan.id().short(),
                now.id().short(),
            )));
        }
        act(show_and_ask(args, &now, out)?, args, &world, &now, out).await
    })?
}

/// What came of showing a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// There is nothing to ask for.
    Nothing,
    Yes,
    No,
}

/// Shows what will be done and asks.
fn show_and_ask(args: &Apply, plan: &Plan, out: &Out) -> Result<Answer, CliError> {
    match (out.json, plan.is_empty()) {
        (false, _) => out.text(render::text(plan))?,
        (true, true) => out.json(&super::in_short(plan))?,
        // The first record holds the plan; whoever has to say yes must see it before.
        (true, false) if !args.yes => out.note(render::text(plan)),
        (true, false) => {}
    }
    if plan.is_empty() {
        return Ok(Answer::Nothing);
    }
    if args.yes {
        return Ok(Answer::Yes);
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "\nApply this plan? Only `yes` is a yes: ").and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(if answer.trim() == "yes" { Answer::Yes } else { Answer::No })
}

async fn act(answer: Answer, args: &Apply, world: &World, plan: &Arc<Plan>, out: &Out) -> Result<u8, CliError> {
    match answer {
        Answer::Nothing => Ok(super::READY),
        Answer::Yes => start(args, world, plan, out).await,
        Answer::No => {
            out.note("nothing was changed");
            Ok(super::DECLINED)
        }
    }
}

async fn start(args: &Apply, world: &World, plan: &Arc<Plan>, out: &Out) -> Result<u8, CliError> {
    let mut engine = super::engine(world, &args.journals.directory(), out);
    let metrics = args.metrics.as_deref().map(|path| MetricsFile::follow(path, &mut engine, &[])).transpose()?;
    let file = new_run(&args.journals.directory(), world, plan)?;
    out.note(format!("run {}, journal in {}", file.run, args.journals.directory().display()));
    let journal = Arc::new(FileJournal::create(&file.path)?);
    let orders = world.sandbox.is_none().then(|| OrderFile::beside(&file.path));
    let report = carry_out(engine, plan, Work::New(&file.run), journal, orders, Detail::Steps, out).await;
    if let Some(metrics) = metrics {
        metrics.finish(out);
    }
    finish(&report?, world.sandbox.is_none(), out)
}

/// Shows the report and what to do next.
pub(super) fn finish(report: &dip::Report, can_resume: bool, out: &Out) -> Result<u8, CliError> {
    let shown = if out.json { out.json(&json!({"report": report})) } else { out.text(format!("\n{report}")) };
    match shown {
        // The exit status still tells how it ended.
        Err(CliError::ClosedPipe) => {}
        shown => shown?,
    }
    if report.outcome != dip::Outcome::Ready && can_resume {
        out.note(format!("go on with `dip resume {}`; see `dip show {}`", report.run, report.run));
    }
    Ok(report.outcome.exit_status())
}

/// The file of a new run: its name is its time, so that names sort by age, and the start of its plan's id.
fn new_run(directory: &Path, world: &World, plan: &Plan) -> Result<RunFile, CliError> {
    let failed = |source| CliError::File { path: directory.to_owned(), action: "made", source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let kind = if world.sandbox.is_some() { SANDBOX } else { "" };
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S");
    let start = plan.id().short().get(..6).unwrap_or_default();
    let name = format!("{time}-{start}{kind}");
    let names = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
    let free = names.map(|name| RunFile::of(directory, &name)).find(|file| !file.path.exists());
    free.ok_or_else(|| CliError::Usage("no name is free for the run".to_owned()))
}
