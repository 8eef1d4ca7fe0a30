//! One file for each command; each returns its exit status.

mod apply;
mod approve;
mod bmc;
mod check;
mod claim;
mod classify;
mod consent;
mod converge;
mod demo;
mod diff;
mod drift;
mod enrol;
mod export;
mod hardware;
mod impact;
mod import;
mod lint;
mod manifest;
mod order;
mod orphans;
mod outliers;
mod pin;
mod plan;
mod ready;
mod replace;
mod resume;
mod runs;
mod schema;
mod show;
mod why;

use std::io::{BufRead, Write};
use std::path::Path;

use dip::core::site::{Lock, NodeState, Site};
use dip::core::whole_file;
use dip::{Engine, Plan};
use serde_json::json;

use crate::args::{Args, Command};
use crate::error::CliError;
use crate::out::Out;
use crate::present::past::{self, Kind};
use crate::world::World;

/// All is well, or there is nothing to do.
const READY: u8 = 0;
/// Something could not be done.
const FAILED: u8 = 1;
/// Something differs or was found.
const DIFFERS: u8 = 3;
/// Something could not be observed.
const NOT_OBSERVED: u8 = 4;
/// Somebody was asked and did not say yes: an interruption.
const DECLINED: u8 = 130;

/// Does what the command line asks for.
pub(crate) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    match &args.command {
        Command::Demo(args) => demo::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Import(args) => import::run(args, out),
        Command::Pin(args) => pin::run(args, out),
        Command::Plan(args) => plan::run(args, out),
        Command::Apply(args) => apply::run(args, out),
        Command::Approve(args) => approve::run(args, out),
        Command::Consent(args) => consent::run(args, out),
        Command::Converge(args) => converge::run(args, out),
        Command::Resume(args) => resume::run(args, out),
        Command::Retry(args) => order::retry(args, out),
        Command::Skip(args) => order::skip(args, out),
        Command::Hold(args) => order::hold(args, out),
        Command::Continue(args) => order::go_on(args, out),
        Command::Runs(args) => runs::run(args, out),
        Command::Show(args) => show::run(args, out),
        Command::Why(args) => why::run(args, out),
        Command::Ready(args) => ready::run(args, out),
        Command::Export(args) => export::run(args, out),
        Command::Drift(args) => drift::run(args, out),
        Command::Impact(args) => impact::run(args, out),
        Command::Lint(args) => lint::run(args, out),
        Command::Diff(args) => diff::run(args, out),
        Command::Outliers(args) => outliers::run(args, out),
        Command::Orphans(args) => orphans::run(args, out),
        Command::Claim(args) => claim::run(args, out),
        Command::Bmc(args) => bmc::run(args, out),
        Command::Manifest(args) => manifest::run(args, out),
        Command::Hardware(args) => hardware::run(args, out),
        Command::Enrol(args) => enrol::run(args, out),
        Command::Classify(args) => classify::run(args, out),
        Command::Replace(args) => replace::run(args, out),
        Command::Schema => schema::run(out),
    }
}

/// Asks a person at the terminal.
fn says_yes(question: &str) -> Result<bool, CliError> {
    let mut stderr = std::io::stderr();
    write!(stderr, "\n{question} Only `yes` is a yes: ").and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Writes the lock file.
fn keep(lock: &Lock, path: &Path, out: &Out) -> Result<(), CliError> {
    lock.write(path)?;
    out.note(format!("{} keeps the addresses that were chosen; put it under version control", path.display()));
    Ok(())
}

/// Gives up the addresses of absent nodes whose removal is done.
fn release(mut lock: Lock, path: &Path, site: &Site, out: &Out) -> Result<(), CliError> {
    let absent = site.nodes.values().filter(|node| node.state == NodeState::Absent);
    let released: Vec<&str> =
        absent.map(|node| &node.name).filter(|name| lock.release(name)).map(|name| name.as_str()).collect();
    if !released.is_empty() {
        lock.write(path)?;
        out.note(format!(
            "{} no longer keeps the addresses of {}: they are removed",
            path.display(),
            released.join(", ")
        ));
    }
    Ok(())
}

/// An engine that lets those go first behind whom the longest time lies, where past runs tell how long things take.
fn engine(world: &World, journals: &Path, out: &Out) -> Engine {
    let kind = if world.sandbox.is_some() { Kind::Simulated } else { Kind::Real };
    let history = past::history(journals, &world.site, kind, out);
    if history.runs() == 0 { world.engine() } else { world.engine().expecting(history.usual()) }
}

/// A plan in short, for machines.
fn in_short(plan: &Plan) -> serde_json::Value {
    if plan.is_empty() {
        json!({"nothing_to_do": {"plan": plan.id(), "held": plan.held().len()}})
    } else {
        json!({"to_do": {"plan": plan.id(), "steps": plan.steps().len(), "held": plan.held().len()}})
    }
}

/// Writes a file whole: a reader sees the old or the new one.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), action: "written", source };
    whole_file::replace(path, text).map_err(failed)
}
