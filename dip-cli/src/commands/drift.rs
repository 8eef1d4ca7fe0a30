//! `dip drift`: names what differs from the site file; changes nothing.

use std::sync::Arc;

use dip::Prepared;
use dip::core::operation::Gap;
use serde_json::json;

use crate::args::Drift;
use crate::error::CliError;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Drift, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let seen = world.block_on(world.prepare(args.through.goal()))??;
    if out.json { json_lines(&seen, out)? } else { people(&seen, out)? }
    let not_observed = unobserved(&seen).next().is_some();
    Ok(if seen.differing().next().is_some() {
        super::DIFFERS
    } else if not_observed {
        super::NOT_OBSERVED
    } else {
        super::READY
    })
}

/// What nobody could be asked about; not what is hidden only because a node is off, which is told as a difference.
fn unobserved(seen: &Prepared) -> impl Iterator<Item = (&dip::core::step::Step, &Gap)> {
    seen.unknown().filter(|(_, gap)| matches!(gap, Gap::Unobservable(_)))
}

fn json_lines(seen: &Prepared, out: &Out) -> Result<(), CliError> {
    for (step, diff) in seen.differing() {
        out.json(&json!({"differs": {"step": step.name, "subject": step.subject, "changes": diff.changes()}}))?;
    }
    for (step, gap) in seen.unknown() {
        out.json(&json!({"unknown": {"step": step.name, "subject": step.subject, "why": gap.to_string()}}))?;
    }
    Ok(())
}

fn people(seen: &Prepared, out: &Out) -> Result<(), CliError> {
    let total = seen.draft.steps().len();
    let (differ, unknown) = (seen.differing().count(), seen.unknown().count());
    for (step, diff) in seen.differing() {
        out.line(format!("{}  {}: {diff}", out.style.warn("differs"), step.name))?;
        if let Some(origin) = &step.origin {
            out.line(format!("         {}", out.style.faint(format!("asked for at {origin}"))))?;
        }
    }
    for (step, gap) in unobserved(seen) {
        out.line(format!("{}  {}: {gap}", out.style.bad("unknown"), step.name))?;
    }
    let hidden = unknown - unobserved(seen).count();
    if hidden > 0 {
        out.line(format!("{}  {hidden} checks wait for what differs or is unknown above", out.style.faint("hidden ")))?;
    }
    if differ + unknown == 0 {
        return out.line(format!("No drift: all {total} checks hold at {}.", seen.plan.site().name));
    }
    out.line(format!("{differ} of {total} checks differ, {unknown} could not be made at {}.", seen.plan.site().name))
}
