//! `dip why`: why a step is there, what it waits for and what waits for it.

use std::sync::Arc;

use dip::Goal;
use dip::Plan;
use dip::core::engine::RunView;
use dip::core::history::History;
use dip::core::id::StepId;
use dip::core::plan::Explanation;

use crate::args::{SiteFiles, Why};
use crate::error::CliError;
use crate::out::Out;
use crate::present::past::{self, Kind};
use crate::present::standing::standing;
use crate::target::{Target, find_run, view};
use crate::world::{self, World};

pub(super) fn run(args: &Why, out: &Out) -> Result<u8, CliError> {
    if args.target.exists() {
        let plan = match Target::of(&args.target)? {
            Target::Plan(plan) => Arc::new(*plan),
            Target::Site => plan_of_site(args, out)?,
        };
        return tell(plan.why(&args.subject)?, None, &plan, out);
    }
    let name = args.target.to_string_lossy();
    let file = find_run(&args.journals.directory(), Some(&name), |_| true, "run")?;
    let view = view(&file)?;
    let plan = Arc::clone(view.plan());
    let stories = plan.why(&args.subject)?;
    let history = past::history(&args.journals.directory(), plan.site(), Kind::of_run(&view.run), out);
    tell(stories, Some((&view, &history)), &plan, out)
}

fn plan_of_site(args: &Why, out: &Out) -> Result<Arc<Plan>, CliError> {
    let layers = dip::layers();
    let files = SiteFiles { site: args.target.clone(), over: args.over.clone() };
    let loaded = world::load(&files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    Ok(world.block_on(world.prepare(Goal::Everything))??.plan)
}

fn tell(stories: Vec<Explanation>, run: Option<(&RunView, &History)>, plan: &Plan, out: &Out) -> Result<u8, CliError> {
    for (index, story) in stories.into_iter().enumerate() {
        if out.json {
            out.json(&story)?;
            continue;
        }
        out.text(format!("{}{story}", if index == 0 { "" } else { "\n" }))?;
        let step = plan.steps().iter().position(|planned| planned.step.name.as_str() == story.step);
        if let Some(((view, history), step)) = run.zip(step) {
            out.line(format!("  now:    {}", standing(view, StepId::at(step), history)))?;
        }
    }
    Ok(super::READY)
}
