//! `dip export`: the nodes that are ready, as a list for an installer that goes on from there, or for Prometheus; changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use dip::core::id::NodeName;
use dip::core::site::Site;
use dip::{Goal, Readiness};

use crate::args::Export;
use crate::error::CliError;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Export, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let site = Arc::new(loaded.site);
    let cluster = args.cluster.as_deref();
    let wanted = args.format.about(&site, cluster)?;
    let ready = if args.all { wanted.clone() } else { ready(args, &site, layers, &wanted, out)? };
    if ready.is_empty() {
        out.note("no node is ready, so there is nothing to hand over");
        return Ok(super::DIFFERS);
    }
    let text = args.format.write(&site, &ready, cluster)?;
    match &args.out {
        Some(file) => {
            super::write_file(file, &text)?;
            let nodes = if ready.len() == 1 { "1 node is".to_owned() } else { format!("{} nodes are", ready.len()) };
            out.note(format!("{nodes} in {}", file.display()));
        }
        None => out.text(text)?,
    }
    Ok(if ready.len() == wanted.len() { super::READY } else { super::DIFFERS })
}

/// Those that are ready now; of the others the first reason is told.
fn ready(
    args: &Export,
    site: &Arc<Site>,
    layers: dip::Layers,
    wanted: &BTreeSet<NodeName>,
    out: &Out,
) -> Result<BTreeSet<NodeName>, CliError> {
    let world = World::new(Arc::clone(site), layers, &args.simulation)?;
    let readiness = Readiness::of(&world.block_on(world.prepare(Goal::Ready))??);
    let (ready, others): (Vec<_>, Vec<_>) =
        readiness.nodes.values().filter(|node| wanted.contains(&node.node)).partition(|node| node.is_ready());
    for node in others {
        let missing = node.missing().count();
        let first = node.missing().next().map(|fact| format!("{}: {}", fact.fact, fact.state)).unwrap_or_default();
        let more = if missing > 1 { format!(" (and {} more facts)", missing - 1) } else { String::new() };
        out.note(format!("left out: {} is {}: {first}{more}", node.node, node.verdict));
    }
    Ok(ready.into_iter().map(|node| node.node.clone()).collect())
}
