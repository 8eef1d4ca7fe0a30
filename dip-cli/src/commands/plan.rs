//! `dip plan`: what has to be done; changes nothing.

use std::path::Path;
use std::sync::Arc;

use dip::core::plan::render;

use crate::args::{Format, Plan};
use crate::error::CliError;
use crate::out::Out;
use crate::present::leftovers;
use crate::world::{self, World};

pub(super) fn run(args: &Plan, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let lock = loaded.lock_changed.then_some((loaded.lock, loaded.lock_path));
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let (seen, left) = world.block_on(async {
        let seen = world.prepare(args.through.goal()).await?;
        Ok::<_, CliError>((seen, world.leftovers().await))
    })??;
    let beside: Vec<String> = leftovers::left_out(&seen).into_iter().chain(leftovers::orphans(&left)).collect();
    let plan = seen.plan;
    let json = || serde_json::to_string(&*plan).map_err(|error| CliError::Output(error.into()));
    match (out.json, args.format) {
        (true, _) | (_, Format::Json) => out.line(json()?)?,
        (_, Format::Text) => out.text(render::text(&plan))?,
        (_, Format::Dot) => out.text(render::dot(&plan))?,
        (_, Format::Mermaid) => out.text(render::mermaid(&plan))?,
    }
    match (out.json, args.format) {
        (false, Format::Text) if !beside.is_empty() => out.line(format!("\n{}", beside.join("\n")))?,
        // The other forms are read by programs, and are the plan alone.
        _ => beside.iter().for_each(|line| out.note(line)),
    }
    if let Some(file) = &args.out {
        write(file, &json()?)?;
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

/// Writes a file whole: a reader sees the old or the new one.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), action: "written", source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
