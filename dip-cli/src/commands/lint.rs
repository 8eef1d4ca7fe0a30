//! `dip lint`: what is weak or left over in a site file.

use dip::core::explain::lint;
use serde_json::json;

use crate::args::Lint;
use crate::error::CliError;
use crate::out::Out;
use crate::world;

pub(super) fn run(args: &Lint, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let site = world::load(&args.files, &layers, out)?.site;
    let (left_out, findings): (Vec<_>, Vec<_>) =
        lint(&site, &layers).into_iter().partition(|finding| args.allow.contains(&finding.rule));
    for (index, finding) in findings.iter().enumerate() {
        if out.json {
            let mut line = json!(finding);
            line["severity"] = finding.rule.severity().to_string().into();
            out.json(&line)?;
        } else {
            out.text(format!("{}{finding}", if index == 0 { "" } else { "\n" }))?;
        }
    }
    let allowed = match left_out.len() {
        0 => String::new(),
        count => format!(", {count} allowed"),
    };
    if findings.is_empty() {
        if !out.json {
            out.line(format!("{} has nothing to find fault with{allowed}.", args.files.site.display()))?;
        }
        return Ok(super::READY);
    }
    let word = if findings.len() == 1 { "finding" } else { "findings" };
    out.note(format!("\n{} {word} in {}{allowed}", findings.len(), args.files.site.display()));
    Ok(super::DIFFERS)
}
