//! `dip check`: a site file and all that is wrong with it.

use crate::args::Check;
use crate::error::CliError;
use crate::out::Out;
use crate::world;

pub(super) fn run(args: &Check, out: &Out) -> Result<u8, CliError> {
    let loaded = world::load(&args.files, &dip::layers(), out)?;
    if out.json {
        out.json(&loaded.site)?;
        return Ok(super::READY);
    }
    let site = &loaded.site;
    out.line(format!(
        "{} is sound: site {}, {} nodes in {} racks, {} networks, {} services, {} clusters",
        args.files.site.display(),
        site.name,
        site.nodes.len(),
        site.racks.len(),
        site.networks.len(),
        site.services.len(),
        site.clusters.len(),
    ))?;
    if loaded.lock_changed {
        out.line(format!("{} would change: addresses are chosen when the site is applied", loaded.lock_path.display()))?;
    }
    Ok(super::READY)
}
