//! `dip diff`: what two plans differ in.

use std::path::Path;

use dip::Plan;

use crate::args::Diff;
use crate::error::CliError;
use crate::out::Out;
use crate::target::Target;

pub(super) fn run(args: &Diff, out: &Out) -> Result<u8, CliError> {
    let (before, after) = (plan(&args.before)?, plan(&args.after)?);
    let diff = if args.across_sites { before.diff_across_sites(&after) } else { before.diff(&after) };
    if out.json {
        out.json(&diff)?;
    } else {
        out.text(&diff)?;
    }
    Ok(if diff.is_empty() { super::READY } else { super::DIFFERS })
}

fn plan(path: &Path) -> Result<Plan, CliError> {
    match Target::of(path)? {
        Target::Plan(plan) => Ok(*plan),
        Target::Site => Err(CliError::Usage(format!(
            "{} is not a plan; write one with `dip plan SITE --out FILE`, and compare that",
            path.display()
        ))),
    }
}
