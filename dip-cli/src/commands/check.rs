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
    out.line(format!("{} is sound: site {} with", args.files.site.display(), site.name))?;
    let counts = [
        (site.nodes.len(), "node"),
        (site.racks.len(), "rack"),
        (site.networks.len(), "network"),
        (site.services.len(), "service"),
        (site.clusters.len(), "cluster"),
    ];
    let counts = counts.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
    out.line(format!("  {}.", counts.join(", ")))?;
    if loaded.lock_changed {
        out.line(format!(
            "{} would change: it keeps the chosen addresses when the site is applied",
            loaded.lock_path.display()
        ))?;
    }
    Ok(super::READY)
}
