//! `dip drift`: names what differs from the site file; changes nothing.

use std::sync::Arc;

use dip::Prepared;
use dip::core::engine::{Deviation, Drift};
use dip::core::metrics::drift_text;
use dip::core::step::Environment;
use serde_json::json;

use crate::args::Drift as Args;
use crate::error::CliError;
use crate::metrics;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let seen = world.block_on(world.prepare(args.through.goal()))??;
    if let Some(path) = &args.metrics {
        let failed = |source| CliError::File { path: path.clone(), action: "written", source };
        metrics::write(path, &drift_text(&seen)).map_err(failed)?;
    }
    let drift = seen.drift();
    if out.json {
        json_lines(&drift, out)?
    } else {
        people(&seen, &drift, out)?
    }
    // What only follows from something that nobody could see is not known to differ by itself.
    Ok(match (&drift.causes[..], &drift.unobserved[..], &drift.following[..]) {
        ([], [], []) => super::READY,
        ([], [_, ..], _) => super::NOT_OBSERVED,
        _ => super::DIFFERS,
    })
}

fn json_lines(drift: &Drift<'_>, out: &Out) -> Result<(), CliError> {
    let all = drift.causes.iter().map(|one| ("differs", one)).chain(drift.following.iter().map(|one| ("follows", one)));
    for (kind, deviation) in all {
        for (step, diff) in &deviation.steps {
            out.json(&json!({kind: {"step": step.name, "subject": step.subject, "changes": diff.changes()}}))?;
        }
    }
    for (step, gap) in &drift.unobserved {
        out.json(&json!({"unknown": {"step": step.name, "subject": step.subject, "why": gap.to_string()}}))?;
    }
    if drift.hidden > 0 {
        out.json(&json!({"hidden": drift.hidden}))?;
    }
    Ok(())
}

fn people(seen: &Prepared, drift: &Drift<'_>, out: &Out) -> Result<(), CliError> {
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
    for (step, gap) in &drift.unobserved {
        out.line(format!("{}  {}: {gap}", out.style.bad("unknown"), step.name))?;
    }
    if drift.hidden > 0 {
        out.line(format!("{}  {} checks wait for the above", out.style.faint("hidden "), drift.hidden))?;
    }
    out.line(format!(
        "Of {total} checks at {site}: {} differ, {} may follow from that, {} could not be made, {} wait.",
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
