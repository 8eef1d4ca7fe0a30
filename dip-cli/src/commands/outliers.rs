//! `dip outliers`: which node differs from its like ones, and in what.

use std::sync::Arc;

use dip::core::explain::outliers;

use crate::args::Outliers;
use crate::error::CliError;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Outliers, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let seen = world.block_on(world.prepare(args.through.goal()))??;
    let found = outliers(&seen.draft, &seen.survey);
    for (index, outlier) in found.iter().enumerate() {
        if out.json {
            out.json(outlier)?;
        } else {
            out.text(format!("{}{outlier}", if index == 0 { "" } else { "\n" }))?;
        }
    }
    if found.is_empty() {
        if !out.json {
            out.line(format!("No node of {} differs from its like ones.", world.site.name))?;
        }
        return Ok(super::READY);
    }
    Ok(super::DIFFERS)
}
