//! `dip orphans`: what the site left in servers for nodes that its file no longer names; changes nothing.

use std::sync::Arc;

use serde_json::json;

use crate::args::Orphans as Args;
use crate::error::CliError;
use crate::out::Out;
use crate::present::leftovers;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let left = world.block_on(world.leftovers())?;
    if out.json {
        left.orphans.iter().try_for_each(|orphan| out.json(&json!({"orphan": orphan})))?;
        left.unlisted.iter().try_for_each(|unlisted| out.json(&json!({"unlisted": unlisted})))?;
    } else if left.is_empty() {
        out.line(format!("No orphans: every record with the mark of {} is of a node in its file.", world.site.name))?;
    } else {
        leftovers::orphans(&left).iter().try_for_each(|line| out.line(line))?;
    }
    Ok(match (left.orphans.is_empty(), left.unlisted.is_empty()) {
        (false, _) => super::DIFFERS,
        (true, false) => super::NOT_OBSERVED,
        (true, true) => super::READY,
    })
}
