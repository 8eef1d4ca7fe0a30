//! `dip impact`: what is lost when one thing of a site goes.

use dip::core::explain::{Impact, Thing};

use crate::args::Impact as Args;
use crate::error::CliError;
use crate::out::Out;
use crate::world;

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let site = world::load(&args.files, &layers, out)?.site;
    let impact = Impact::of(&site, &layers, &Thing::find(&site, &args.subject)?);
    if out.json {
        out.json(&impact)?;
    } else {
        out.text(&impact)?;
        let lost = impact.nodes_lost();
        if lost > 0 {
            let are = if lost == 1 { "is" } else { "are" };
            out.line(format!("\nOf {} nodes {lost} {are} lost to those who rely on them.", site.nodes.len()))?;
        }
    }
    Ok(super::READY)
}
