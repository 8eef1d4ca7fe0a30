//! `dip manifest`: which machines were sent, which node each of them is to be, and which are spares; asks nobody.

use serde_json::json;

use crate::args::Manifest as Args;
use crate::error::CliError;
use crate::out::Out;
use crate::world;

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let loaded = world::load(&args.files, &dip::layers(), out)?;
    if loaded.deliveries.is_empty() {
        return Err(CliError::Usage(format!(
            "{} names no `manifest`, or one without machines",
            args.files.site.display()
        )));
    }
    for delivery in &loaded.deliveries {
        // The lock knows which serial numbers went out of the house.
        let retired = loaded.lock.replaced.iter().find(|part| part.was == delivery.serial);
        let standing = match (&delivery.node, &delivery.bmc_address, retired) {
            (None, _, Some(_)) => "retired",
            (None, _, None) => "spare",
            (Some(_), None, _) => "not delivered",
            (Some(node), Some(_), _) if loaded.site.machines.contains_key(node) => "enrolled",
            (Some(_), Some(_), _) => "connected",
        };
        if out.json {
            out.json(&json!({"standing": standing, "delivery": delivery}))?;
            continue;
        }
        let place = match (&delivery.rack, delivery.position) {
            (Some(rack), Some(position)) => format!("{rack}/{position}"),
            (Some(rack), None) => rack.to_string(),
            (None, _) => "-".to_owned(),
        };
        let node = delivery.node.as_ref().map_or("-", |node| node.as_str());
        let address = delivery.bmc_address.as_deref().unwrap_or("-");
        let model = delivery.model.as_deref().unwrap_or("");
        let line = format!("{standing:14} {:16} {node:12} {place:8} {address:16} {model}", delivery.serial);
        out.line(line.trim_end())?;
    }
    Ok(super::READY)
}
