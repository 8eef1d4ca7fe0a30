//! `dip pin`: the line that pins the base of a site file as it is now; writes nothing.

use dip::core::site::{Format, Pinned};
use serde_json::json;

use crate::args::Pin;
use crate::error::CliError;
use crate::out::Out;

pub(super) fn run(args: &Pin, out: &Out) -> Result<u8, CliError> {
    let pinned = Pinned::under(&args.site).map_err(|faults| CliError::Site { file: args.site.clone(), faults })?;
    let Some(nearest) = pinned.first() else {
        let site = args.site.display();
        let text = format!("{site} names no base; write `base: {{file: ../base/site.yaml}}` into it, then pin that");
        return Err(CliError::Usage(text));
    };
    // The deepest first: a line that is put into a base changes the digest of that base.
    let next = pinned.iter().rev().find(|pinned| !pinned.holds).unwrap_or(nearest);
    let Pinned { by, pin, holds } = next;
    if out.json {
        out.json(&json!({"by": by, "pin": pin, "holds": holds}))?;
        return Ok(super::READY);
    }
    out.line(pin.line(Format::of(by).unwrap_or(Format::Yaml)))?;
    let by = by.display();
    out.note(match (holds, next == nearest) {
        (true, _) => format!("{by} says so: its base is as it was pinned"),
        (false, true) => format!("look at what changed in {}, then put this line into {by}", pin.file),
        (false, false) => format!("put this line into {by} first, which is a base itself; then pin again"),
    });
    Ok(super::READY)
}
