//! `dip apply`: brings a site to what its file wants, or carries out a plan that was made before.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use dip::core::actor::Actor;
use dip::core::guard::Guard;
use dip::core::id::SiteName;
use dip::core::journal::{FileJournal, OrderFile, RunFile, SiteLock};
use dip::core::plan::render;
use dip::{Goal, Observed, Plan, Stop};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{Apply, SiteFiles};
use crate::error::CliError;
use crate::guard::guard;
use crate::metrics::MetricsFile;
use crate::out::Out;
use crate::readings::Readings;
use crate::run::{Detail, Kept, Work, carry_out};
use crate::target::{SANDBOX, Target};
use crate::world::{self, World};

pub(super) fn run(args: &Apply, out: &Out) -> Result<u8, CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        let text = "there is no terminal to ask on; look at `dip plan` first, then apply with --yes";
        return Err(CliError::Usage(text.to_owned()));
    }
    let target = Target::of(&args.target)?;
    let begin = Begin { args, guard: guard(&args.most, &args.papers)?, out };
    match target {
        Target::Site => begin.of_site(),
        Target::Plan(plan) => begin.of_plan(*plan),
    }
}

/// A run that is about to be begun.
struct Begin<'a> {
    args: &'a Apply,
    guard: Guard,
    out: &'a Out,
}

impl Begin<'_> {
    fn of_site(&self) -> Result<u8, CliError> {
        let Self { args, out, .. } = self;
        let layers = dip::layers();
        let files = SiteFiles { site: args.target.clone(), over: args.over.clone() };
        let loaded = world::load(&files, &layers, out)?;
        let lock = self.lock(&loaded.site.name)?;
        let (loaded, world) = world::settle(&files, loaded, layers, &args.simulation, out)?;
        world.block_on(async {
            let plan = world.prepare_having_seen(args.through.goal(), self.seen(&world)).await?.plan;
            let plan = made_by(plan, Some(&Actor::of_this_process()));
            let answer = self.show_and_ask(&world, &plan)?;
            if answer != Answer::No && loaded.lock_changed && !args.simulation.sandbox {
                super::keep(&loaded.lock, &loaded.lock_path, out)?;
            }
            let status = self.act(answer, &world, &plan, lock).await?;
            // A goal before the last leaves records behind; a simulation removes nothing.
            let all_done = status == super::READY && args.through.goal() == Goal::Everything;
            if all_done && answer != Answer::No && !args.simulation.sandbox {
                super::release(loaded.lock, &loaded.lock_path, &world.site, out)?;
            }
            Ok(status)
        })?
    }

    fn of_plan(&self, plan: Plan) -> Result<u8, CliError> {
        let args = self.args;
        if let Some(option) = args.over.given() {
            let text = format!("a plan holds the site that it was made for; give {option} to `dip plan`");
            return Err(CliError::Usage(text));
        }
        if args.through.goal() != plan.goal() && plan.goal() == Goal::Everything && args.through.goal() == Goal::Ready {
            let text = "a plan is carried out as it was made; make one with `dip plan --through ready`";
            return Err(CliError::Usage(text.to_owned()));
        }
        let lock = self.lock(&plan.site().name)?;
        let world = World::new(Arc::clone(plan.site()), dip::layers(), &args.simulation)?;
        world.block_on(async {
            let now = world.prepare_having_seen(plan.goal(), self.seen(&world)).await?.plan;
            plan.is_current(&now)?;
            let now = made_by(now, plan.planner());
            self.act(self.show_and_ask(&world, &now)?, &world, &now, lock).await
        })?
    }

    fn seen(&self, world: &World) -> Observed {
        Readings::beside(&self.args.journals.directory(), world).seen(world, self.out)
    }

    /// Holds the site before it is looked at: what is looked at while another run changes it would be stale at once.
    fn lock(&self, site: &SiteName) -> Result<Option<SiteLock>, CliError> {
        let directory = self.args.journals.directory();
        // Each simulation is a site of its own.
        let is_real = !self.args.simulation.sandbox;
        Ok(is_real.then(|| SiteLock::take(&directory, site, Timestamp::now())).transpose()?)
    }

    /// Shows what will be done, and asks where nothing stands against it.
    fn show_and_ask(&self, world: &World, plan: &Plan) -> Result<Answer, CliError> {
        let Self { args, guard, out } = self;
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
        guard.review(plan, world.clock.now())?;
        if args.yes {
            return Ok(Answer::Yes);
        }
        Ok(if super::says_yes("Apply this plan?")? { Answer::Yes } else { Answer::No })
    }

    async fn act(
        &self,
        answer: Answer,
        world: &World,
        plan: &Arc<Plan>,
        lock: Option<SiteLock>,
    ) -> Result<u8, CliError> {
        match answer {
            Answer::Nothing => Ok(super::READY),
            Answer::Yes => self.start(world, plan, lock).await,
            Answer::No => {
                self.out.note("nothing was changed");
                Ok(super::DECLINED)
            }
        }
    }

    async fn start(&self, world: &World, plan: &Arc<Plan>, mut lock: Option<SiteLock>) -> Result<u8, CliError> {
        let Self { args, guard, out } = self;
        let directory = args.journals.directory();
        let mut engine = super::engine(world, &directory, out).guard(guard.clone());
        let metrics = args.metrics.as_deref().map(|path| MetricsFile::follow(path, &mut engine, &[])).transpose()?;
        let file = new_run(&directory, world, plan)?;
        if let Some(lock) = &mut lock {
            lock.works_on(&file.run)?;
        }
        out.note(format!("run {}, journal in {}", file.run, directory.display()));
        let journal = Arc::new(FileJournal::create(&file.path)?);
        let orders = world.sandbox.is_none().then(|| OrderFile::beside(&file.path));
        let stop = Stop::new();
        let report =
            carry_out(engine, plan, Work::New(&file.run), Kept { journal, orders }, Detail::Steps, &stop, out).await;
        if let Some(metrics) = metrics {
            metrics.finish(out);
        }
        let status = finish(&report?, world.sandbox.is_none(), out)?;
        if !plan.deferred().is_empty() {
            out.note("some of it was deferred until more is known; `dip converge` goes on with it");
        }
        Ok(status)
    }
}

/// What came of showing a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// There is nothing to ask for.
    Nothing,
    Yes,
    No,
}

pub(super) fn made_by(plan: Arc<Plan>, planner: Option<&Actor>) -> Arc<Plan> {
    match planner {
        Some(planner) => Arc::new(Arc::unwrap_or_clone(plan).planned_by(planner.clone())),
        None => plan,
    }
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
pub(super) fn new_run(directory: &Path, world: &World, plan: &Plan) -> Result<RunFile, CliError> {
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
