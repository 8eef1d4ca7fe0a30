//! `dip plan`: what has to be done; changes nothing.

use std::sync::Arc;

use dip::core::actor::Actor;
use dip::core::plan::render;

use crate::args::{Format, Plan};
use crate::error::CliError;
use crate::guard::{guard, in_advance};
use crate::out::Out;
use crate::present::leftovers;
use crate::present::past::{self, Kind};
use crate::readings::Readings;
use crate::world;

pub(super) fn run(args: &Plan, out: &Out) -> Result<u8, CliError> {
    let guard = guard(&args.most, &args.papers)?;
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let (loaded, world) = world::settle(&args.files, loaded, layers, &args.simulation, out)?;
    let lock = loaded.lock_changed.then_some((loaded.lock, loaded.lock_path));
    let before = Readings::beside(&args.journals.directory(), &world).seen(&world, out);
    let (seen, left) = world.block_on(async {
        let seen = world.prepare_having_seen(args.through.goal(), before).await?;
        Ok::<_, CliError>((seen, world.leftovers().await))
    })??;
    let beside: Vec<String> = leftovers::left_out(&seen).into_iter().chain(leftovers::orphans(&left)).collect();
    let plan = Arc::unwrap_or_clone(seen.plan).planned_by(args.by.clone().unwrap_or_else(Actor::of_this_process));
    // Whoever plans learns it now, and not when it is to be applied.
    let refused = guard.review(&plan, world.clock.now()).err().map(|refusals| in_advance(&refusals));
    let json = || serde_json::to_string(&plan).map_err(|error| CliError::Output(error.into()));
    let estimate = || {
        let kind = if args.simulation.sandbox { Kind::Simulated } else { Kind::Real };
        let history = past::history(&args.journals.directory(), plan.site(), kind, out);
        plan.estimate(&history, &world.limits())
    };
    match (out.json, args.format) {
        (true, _) if args.estimate => out.json(&estimate())?,
        (false, _) if args.estimate => out.text(estimate())?,
        (true, _) | (_, Format::Json) => out.line(json()?)?,
        (_, Format::Text) if plan.is_empty() => out.text(render::text(&plan))?,
        (_, Format::Text) => out.text(format!("{}\n{}", render::text(&plan), estimate()))?,
        (_, Format::Dot) => out.text(render::dot(&plan))?,
        (_, Format::Mermaid) => out.text(render::mermaid(&plan))?,
    }
    match (out.json, args.format) {
        (false, Format::Text) if !beside.is_empty() => out.line(format!("\n{}", beside.join("\n")))?,
        // The other forms are read by programs, and are the plan alone.
        _ => beside.iter().for_each(|line| out.note(line)),
    }
    match (out.json, args.format, refused) {
        (false, Format::Text, Some(refused)) => out.text(refused)?,
        (_, _, Some(refused)) => out.note(refused.trim()),
        (_, _, None) => {}
    }
    if let Some(file) = &args.out {
        super::write_file(file, &json()?)?;
        out.note(format!(
            "plan {} is in {}; `dip apply {}` carries it out",
            plan.id().short(),
            file.display(),
            file.display()
        ));
    }
    match lock {
        // Whoever applies the plan has no site file any more: the addresses in the plan must be kept now.
        Some((lock, path)) if args.out.is_some() && !args.simulation.sandbox => super::keep(&lock, &path, out)?,
        Some((_, path)) => {
            out.note(format!("{} would change: it keeps the chosen addresses when the site is applied", path.display()))
        }
        None => {}
    }
    Ok(if args.exit_code && !plan.is_empty() { super::DIFFERS } else { super::READY })
}
