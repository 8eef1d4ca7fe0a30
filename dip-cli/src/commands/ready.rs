//! `dip ready`: which nodes are at ready state, and what the others lack; changes nothing.

use std::sync::Arc;
use std::time::Duration;

use dip::core::report::{NodeReadiness, Verdict};
use dip::{Goal, Readiness};

use crate::args::Ready;
use crate::error::CliError;
use crate::out::Out;
use crate::world::{self, World};

/// The pause between two looks: a look asks every server of the site.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) fn run(args: &Ready, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let readiness = world.block_on(wait(args, &world, out))??;
    if out.json {
        out.json(&readiness)?;
    } else {
        people(&readiness, out)?;
    }
    Ok(match Readiness::verdict(readiness.nodes.values()) {
        Verdict::Ready => super::READY,
        Verdict::NotReady => super::DIFFERS,
        Verdict::NotObserved => super::NOT_OBSERVED,
    })
}

/// Looks, and again until all that was asked for are ready or the time is over.
async fn wait(args: &Ready, world: &World, out: &Out) -> Result<Readiness, CliError> {
    let began = world.clock.now();
    let mut told = None;
    loop {
        let readiness = look(args, world).await?;
        let open = readiness.nodes.values().filter(|node| !node.is_ready()).count();
        let age = Duration::try_from(world.clock.now().duration_since(began)).unwrap_or_default();
        let Some(left) = args.wait.and_then(|wait| wait.checked_sub(age)).filter(|left| open > 0 && !left.is_zero())
        else {
            return Ok(readiness);
        };
        if told.replace(open) != Some(open) {
            let (word, seconds) = (nodes(readiness.nodes.len()), left.as_secs());
            out.note(format!("{open} of {word} not ready; looking again for up to {seconds} s"));
        }
        tokio::time::sleep(left.min(PAUSE)).await;
    }
}

/// One look at all, and of it what was asked for.
async fn look(args: &Ready, world: &World) -> Result<Readiness, CliError> {
    let mut readiness = Readiness::of(&world.prepare(Goal::Ready).await?);
    if !args.nodes.is_empty() {
        let asked: Result<Vec<&NodeReadiness>, _> =
            args.nodes.iter().map(|name| readiness.node(&world.site, name)).collect();
        let asked = asked.map_err(|error| CliError::Usage(error.to_string()))?;
        readiness.nodes = asked.into_iter().map(|node| (node.node.clone(), node.clone())).collect();
    }
    Ok(readiness)
}

fn people(readiness: &Readiness, out: &Out) -> Result<(), CliError> {
    /// How many facts are named of each node: what follows from the first ones is seldom news.
    const SHOWN: usize = 5;
    let width = readiness.nodes.keys().map(|name| name.as_str().len()).max().unwrap_or_default();
    for (name, node) in &readiness.nodes {
        let verdict = format!("{:12}", node.verdict);
        let verdict = match node.verdict {
            Verdict::Ready => out.style.good(verdict),
            Verdict::NotObserved => out.style.warn(verdict),
            Verdict::NotReady => out.style.bad(verdict),
        };
        let known = node.facts.len() - node.missing().count();
        out.line(format!("{name:width$}  {verdict}  {known} of {} facts", node.facts.len()))?;
        for fact in node.missing().take(SHOWN) {
            out.line(format!("  {}: {}", fact.fact, fact.state))?;
        }
        match node.missing().count().saturating_sub(SHOWN) {
            0 => {}
            more => out.line(format!("  and {more} more; --json names them"))?,
        }
    }
    let ready = readiness.nodes.values().filter(|node| node.is_ready()).count();
    out.line(format!("{ready} of {} ready at {}.", nodes(readiness.nodes.len()), readiness.site))
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node is".to_owned() } else { format!("{count} nodes are") }
}
