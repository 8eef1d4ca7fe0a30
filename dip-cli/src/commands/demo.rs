//! `dip demo`: a simulated datacenter from powered off to ready state, with a fault on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::id::NodeName;
use dip::core::journal::{Event, MemoryJournal, Record};
use dip::core::plan::render;
use dip::core::site::{Format, Lock, Site, Source};
use dip::core::subject::Subject;
use dip::sandbox::{Fault, Phase, Sandbox, datacenter};
use dip::{Goal, Outcome, Plan, Stop};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Demo;
use crate::error::CliError;
use crate::out::Out;
use crate::run::{Detail, Kept, Work, carry_out};
use crate::world::World;

const RACKS: usize = 4;

pub(super) fn run(args: &Demo, out: &Out) -> Result<u8, CliError> {
    let began = Instant::now();
    let layers = dip::layers();
    let racks = RACKS.min(usize::from(args.nodes));
    let text = datacenter(usize::from(args.nodes), racks);
    let lines = text.lines().count();
    let source = Source::new("demo.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &layers.settings(), &Lock::default())
        .map_err(|faults| CliError::Site { file: "demo.yaml".into(), faults })?
        .site;
    if !out.json {
        out.line(format!(
            "A simulated datacenter: {} nodes in {racks} racks, everything powered off, every",
            site.nodes.len()
        ))?;
        out.line(format!("switch port in the wrong VLAN. Its site file has {lines} lines.\n"))?;
    }
    let unlucky = site.nodes.keys().nth(site.nodes.len() / 2).cloned();
    let world = World::simulated(Arc::new(site), layers, args.seed);
    world.block_on(async {
        let plan = world.prepare(Goal::Everything).await?.plan;
        match (out.json, args.plan_only) {
            (false, _) => out.text(render::text(&plan))?,
            (true, true) => out.json(&*plan)?,
            // The first record of the run holds it.
            (true, false) => {}
        }
        if args.plan_only {
            return Ok(super::READY);
        }
        if let Some(node) = &unlucky {
            inject(&world, node, out)?;
        }
        let journal = Arc::new(MemoryJournal::new());
        let records = Arc::clone(&journal);
        let stop = Stop::new();
        let report = carry_out(
            world.engine(),
            &plan,
            Work::New("demo"),
            Kept { journal, orders: None },
            Detail::Incidents,
            &stop,
            out,
        )
        .await?;
        if out.json {
            out.json(&json!({"report": report}))?;
        } else {
            out.text(format!("\n{report}"))?;
            if let Some(node) = &unlucky {
                fate(&world, &plan, node, &records.records(), out)?;
            }
        }
        if report.outcome != Outcome::Ready {
            return Ok(report.outcome.exit_status());
        }
        again(&world, out).await?;
        if !out.json {
            out.line(format!(
                "\nTime in the simulation: {}. Time on this machine: {:.1} s.",
                words(world.sandbox.as_ref().map_or(Duration::ZERO, Sandbox::elapsed)),
                began.elapsed().as_secs_f64(),
            ))?;
        }
        Ok(super::READY)
    })?
}

/// One BMC accepts its first power command and does nothing: it happens, and only a look tells.
fn inject(world: &World, node: &NodeName, out: &Out) -> Result<(), CliError> {
    let Some(sandbox) = &world.sandbox else { return Ok(()) };
    if !out.json {
        out.line(format!("\nOne fault is set: the BMC of {node} will accept its first power command and\nlose it.\n"))?;
    }
    sandbox.inject(Fault::PowerCommandLost { node: node.clone(), times: 1 });
    Ok(())
}

/// What the fault did, as the simulation tells it, and how it was survived, as the records of the run tell it.
fn fate(world: &World, plan: &Plan, node: &NodeName, records: &[Record], out: &Out) -> Result<(), CliError> {
    let bitten = |sandbox: &Sandbox| sandbox.log().into_iter().any(|incident| incident.phase == Phase::Bit);
    if !world.sandbox.as_ref().is_some_and(bitten) {
        return out.line("The fault never struck.");
    }
    let subject = Subject::node(node);
    let is_power_on =
        |step: &dip::core::step::Step| step.call.operation() == "firmware.power_on" && step.subject == subject;
    let mine =
        records.iter().filter(|record| record.event.step().is_some_and(|step| is_power_on(&plan.step(step).step)));
    let mut asked: Vec<Timestamp> = Vec::new();
    let mut on = None;
    for record in mine {
        match &record.event {
            Event::Applying { .. } => asked.push(record.at),
            Event::Settled { .. } => on = Some(record.at),
            _ => {}
        }
    }
    let ([first, .., last], Some(on)) = (&asked[..], on) else {
        return out.line(format!("The BMC of {node} lost its power command, and it was not switched on."));
    };
    out.line(format!(
        "The fault: the BMC of {node} lost its power command. The power was still off\nafter {} s, so it was asked again; {} s later it was on.",
        last.duration_since(*first).as_secs(),
        on.duration_since(*last).as_secs(),
    ))
}

/// A second look finds nothing to do.
async fn again(world: &World, out: &Out) -> Result<(), CliError> {
    let second = world.prepare(Goal::Everything).await?.plan;
    if out.json {
        return out.json(&super::in_short(&second));
    }
    out.text(format!("\nA second look at everything, for a second run:\n{}", render::text(&second)))
}

fn words(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
