//! `dip demo`: a simulated datacenter from powered off to ready state, with a fault on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::id::NodeName;
use dip::core::journal::MemoryJournal;
use dip::core::plan::render;
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Fault, Phase, datacenter};
use dip::{Goal, Outcome};

use crate::args::Demo;
use crate::error::CliError;
use crate::out::Out;
use crate::run::{Detail, Work, carry_out};
use crate::world::World;

const RACKS: usize = 4;

pub(super) fn run(args: &Demo, out: &Out) -> Result<u8, CliError> {
    let began = Instant::now();
    let layers = dip::layers();
    let racks = RACKS.min(usize::from(args.nodes));
    let text = datacenter(usize::from(args.nodes), racks);
    let source = Source::new("demo.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &layers.settings(), &Lock::default()).map_err(CliError::Site)?.site;
    if !out.json {
        out.line(format!(
            "A simulated datacenter: {} nodes in {racks} racks, everything powered off, all switch ports in the wrong VLAN.",
            site.nodes.len()
        ))?;
    }
    let unlucky = site.nodes.keys().nth(site.nodes.len() / 2).cloned();
    let world = World::simulated(Arc::new(site), layers, args.seed);
    world.block_on(async {
        let plan = world.prepare(Goal::Everything).await?.plan;
        if !out.json {
            out.text(render::text(&plan))?;
        }
        if args.plan_only {
            return Ok(super::READY);
        }
        if let Some(node) = unlucky {
            inject(&world, node, out)?;
        }
        let journal = Arc::new(MemoryJournal::new());
        let report = carry_out(world.engine(), &plan, Work::New("demo"), journal, Detail::Incidents, out).await?;
        if out.json {
            out.json(&report)?;
        } else {
            faults(&world, report.outcome, out)?;
            out.text(format!("\n{report}"))?;
        }
        if report.outcome != Outcome::Ready {
            return Ok(report.outcome.exit_status());
        }
        again(&world, out).await?;
        if !out.json {
            out.line(format!(
                "\nSimulated time {}, real time {:.1?}. Next: `dip plan --help`, docs/site-file.md.",
                minutes(world.sandbox.as_ref().map_or(Duration::ZERO, dip::sandbox::Sandbox::elapsed)),
                began.elapsed()
            ))?;
        }
        Ok(super::READY)
    })?
}

/// One BMC accepts its first power command and does nothing: it happens, and only a look tells.
fn inject(world: &World, node: NodeName, out: &Out) -> Result<(), CliError> {
    let Some(sandbox) = &world.sandbox else { return Ok(()) };
    if !out.json {
        out.line(format!("\nOne fault is set: the BMC of {node} will accept its first power command and lose it.\n"))?;
    }
    sandbox.inject(Fault::PowerCommandLost { node, times: 1 });
    Ok(())
}

fn faults(world: &World, outcome: Outcome, out: &Out) -> Result<(), CliError> {
    let incidents = world.sandbox.iter().flat_map(dip::sandbox::Sandbox::log);
    for incident in incidents.filter(|incident| incident.phase == Phase::Bit) {
        let end = if outcome == Outcome::Ready { "; seen by the next look, and asked again" } else { "" };
        out.line(format!("at {}: {}: {}{end}", minutes(incident.at), incident.subject, incident.text))?;
    }
    Ok(())
}

/// A second look finds nothing to do.
async fn again(world: &World, out: &Out) -> Result<(), CliError> {
    let second = world.prepare(Goal::Everything).await?.plan;
    if !out.json {
        out.text(format!("A second look: {}", render::text(&second)))?;
    }
    Ok(())
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
