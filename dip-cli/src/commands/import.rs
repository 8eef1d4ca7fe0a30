//! `dip import`: a site file of the racks and nodes that the site's CMDB has; written once, and never over another file.

use dip::core::site::stock_as_yaml;
use serde_json::json;

use crate::args::Import;
use crate::error::CliError;
use crate::out::Out;
use crate::world;

pub(super) fn run(args: &Import, out: &Out) -> Result<u8, CliError> {
    let path = args.out.display();
    // Before a large CMDB is read for nothing.
    if args.out.exists() && !args.force {
        return Err(CliError::Usage(format!(
            "{path} is there already; name another file, or write over it with --force"
        )));
    }
    let Some((site, items)) = world::stock(&args.files, &dip::layers())? else {
        return Err(CliError::Usage(format!(
            "{} names no CMDB; write `inventory: {{service: NAME}}` into it, with a service of kind `nautobot`, `netbox` or `csv`",
            args.files.site.display()
        )));
    };
    if items.is_empty() {
        return Err(CliError::Usage(format!(
            "the CMDB has nothing for site `{}`; look at `filter` of its service, and at what its user may see",
            site.name
        )));
    }
    super::write_file(&args.out, &stock_as_yaml(&site, &items))?;
    let left_out: usize = items.iter().map(|item| item.left_out.len()).sum();
    if out.json {
        out.json(&json!({"written": args.out, "items": items.len(), "left_out": left_out}))?;
        return Ok(super::READY);
    }
    out.line(format!(
        "{path} has {} racks and nodes of the CMDB; lay it over the site file with --overlay",
        items.len()
    ))?;
    if left_out > 0 {
        out.note(format!("{left_out} things have no place in a site file; they stand in {path} as comments"));
    }
    Ok(super::READY)
}
