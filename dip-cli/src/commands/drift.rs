//! `dip drift`: names what differs from the site file; changes nothing.

use std::sync::Arc;

use dip::Prepared;
use dip::core::engine::{Deviation, Drift};
use dip::core::metrics::drift_text;
use dip::core::step::Environment;
use dip::core::whole_file;
use serde_json::{Value, json};

use crate::args::Drift as Args;
use crate::error::CliError;
use crate::out::Out;
use crate::present::leftovers;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let (seen, left) = world.block_on(async {
        let seen = world.prepare(args.through.goal()).await?;
        Ok::<_, CliError>((seen, world.leftovers().await))
    })??;
    if let Some(path) = &args.metrics {
        let failed = |source| CliError::File { path: path.clone(), action: "written", source };
        whole_file::replace(path, &drift_text(&seen)).map_err(failed)?;
    }
    let drift = seen.drift();
    if out.json {
        json_lines(&drift, out)?;
        left.orphans.iter().try_for_each(|orphan| out.json(&json!({"orphan": orphan})))?;
        left.unlisted.iter().try_for_each(|unlisted| out.json(&json!({"unlisted": unlisted})))?;
    } else {
        people(&seen, &drift, out)?;
        let beside = leftovers::left_out(&seen).into_iter().chain(leftovers::orphans(&left));
        beside.into_iter().try_for_each(|line| out.line(line))?;
    }
    Ok(status(&drift))
}

/// The exit status that tells of it.
pub(super) fn status(drift: &Drift<'_>) -> u8 {
    // What only follows from something that nobody could see is not known to differ by itself.
    match (&drift.causes[..], &drift.unobserved[..], &drift.following[..]) {
        _ if !drift.foreign.is_empty() => super::DIFFERS,
        ([], [], []) => super::READY,
        ([], [_, ..], _) => super::NOT_OBSERVED,
        _ => super::DIFFERS,
    }
}

/// All of it as one value.
pub(super) fn value(drift: &Drift<'_>) -> Value {
    let steps = |deviations: &[Deviation<'_>]| -> Vec<Value> {
        let steps = deviations.iter().flat_map(|deviation| &deviation.steps);
        steps
            .map(|(step, diff)| json!({"step": step.name, "subject": step.subject, "changes": diff.changes()}))
            .collect()
    };
    let unobserved = drift
        .unobserved
        .iter()
        .map(|(step, gap)| json!({"step": step.name, "subject": step.subject, "why": gap.to_string()}));
    json!({
        "causes": steps(&drift.causes),
        "following": steps(&drift.following),
        "unobserved": unobserved.collect::<Vec<_>>(),
        "hidden": drift.hidden,
    })
}

fn json_lines(drift: &Drift<'_>, out: &Out) -> Result<(), CliError> {
    let all = drift.causes.iter().map(|one| ("differs", one)).chain(drift.following.iter().map(|one| ("follows", one)));
    for (kind, deviation) in all {
        for (step, diff) in &deviation.steps {
            out.json(&json!({kind: {"step": step.name, "subject": step.subject, "changes": diff.changes()}}))?;
        }
    }
    for (step, gap) in &drift.foreign {
        out.json(&json!({"foreign": {"step": step.name, "subject": step.subject, "why": gap.to_string()}}))?;
    }
    for (step, gap) in &drift.unobserved {
        out.json(&json!({"unknown": {"step": step.name, "subject": step.subject, "why": gap.to_string()}}))?;
    }
    if drift.hidden > 0 {
        out.json(&json!({"hidden": drift.hidden}))?;
    }
    Ok(())
}

pub(super) fn people(seen: &Prepared, drift: &Drift<'_>, out: &Out) -> Result<(), CliError> {
    let site = &seen.plan.site().name;
    let total = seen.draft.steps().len();
    if drift.is_none() {
        return out.line(format!("No drift: all {total} checks hold at {site}."));
    }
    for deviation in &drift.causes {
        out.line(format!("{}  {}", out.style.warn("differs"), words(deviation)))?;
        if let Some(origin) = deviation.steps.iter().find_map(|(step, _)| step.origin.as_ref()) {
            out.line(format!("         {}", out.style.faint(format!("asked for at {origin}"))))?;
        }
    }
    for deviation in &drift.following {
        out.line(format!("{}  {}", out.style.faint("follows"), words(deviation)))?;
    }
    for (step, gap) in &drift.foreign {
        let why = gap.to_string();
        let why = why.strip_prefix("foreign: ").unwrap_or(&why);
        out.line(format!("{}  {}: {why}", out.style.warn("foreign"), step.name))?;
    }
    for (step, gap) in &drift.unobserved {
        out.line(format!("{}  {}: {gap}", out.style.bad("unknown"), step.name))?;
    }
    if drift.hidden > 0 {
        out.line(format!("{}  {} checks wait for the above", out.style.faint("hidden "), drift.hidden))?;
    }
    let theirs = if drift.foreign.is_empty() { String::new() } else { format!("{} foreign, ", drift.foreign.len()) };
    out.line(format!(
        "Of {total} checks at {site}: {} differ, {theirs}{} may follow from that, {} could not be made, {} wait.",
        drift.causes.len(),
        drift.following.len(),
        drift.unobserved.len(),
        drift.hidden,
    ))
}

/// `opsmgmt.register_name node/n1: + address ...`, or for a boot `n3 is not installed and running: power off → on`.
fn words(deviation: &Deviation<'_>) -> String {
    let diffs: Vec<String> = deviation.steps.iter().map(|(_, diff)| diff.to_string()).collect();
    match (deviation.boot, &deviation.steps[..]) {
        (Some(boot), _) => {
            let state = match boot.to {
                Environment::Off => "is not off",
                Environment::Firmware => "is not in its firmware",
                Environment::Discovery => "does not run the discovery system",
                Environment::Rescue => "does not run the rescue system",
                Environment::Installed => "does not run its installed system",
            };
            format!("node/{} {state}: {}", boot.node, diffs.join(", "))
        }
        (None, [(step, diff), ..]) => format!("{}: {diff}", step.name),
        (None, []) => String::new(),
    }
}
