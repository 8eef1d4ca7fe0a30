//! `dip replace`: says that parts of a node, or its whole machine, were exchanged. It changes the lock file alone, which a person
//! reviews; the next run moves what hangs on the old numbers.

use std::sync::Arc;

use dip::core::id::NodeName;
use dip::core::identity::{Exchange, Fingerprint, Likeness, Part, Replacement, Unclear};
use dip::core::site::{Lock, Node};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{GivenPart, Replace as Args};
use crate::error::CliError;
use crate::machines;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let (mut lock, path) = (loaded.lock, loaded.lock_path);
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let nodes = machines::asked(&world, std::slice::from_ref(&args.node))?;
    let mut seen = world.block_on(machines::look(&world, &nodes))?;
    let machine = seen.remove(&args.node).unwrap_or_else(|| Err("it was not looked at".to_owned()));
    let machine =
        machine.map_err(|why| CliError::Usage(format!("the machine of `{}` cannot be seen: {why}", args.node)))?;
    let (was, now) = (lock.machines.get(&args.node).cloned().unwrap_or_default(), machine.fingerprint());
    is_nobody_elses(&lock, &args.node, &now)?;
    let node = world.site.nodes.get(&args.node).expect("only nodes of the site are looked at");
    let exchanges = exchanges(node, &was, &now, &args.parts)?;
    if exchanges.is_empty() && was == now {
        out.line(format!("nothing of {} was exchanged: {}", args.node, Likeness::between(&was, &now)))?;
        return Ok(super::READY);
    }
    let at = world.clock.now();
    let replacements = exchanges.into_iter().map(|exchange| kept(&args.node, exchange, at, args.reason.clone()));
    for replacement in replacements {
        let Replacement { part, was, now, .. } = &replacement;
        if out.json {
            out.json(&json!({"replaced": replacement}))?;
        } else {
            out.line(format!("{}  {part}: {was} → {now}", args.node))?;
        }
        lock.replaced.push(replacement);
    }
    lock.machines.insert(args.node.clone(), now);
    lock.write(&path)?;
    let path = path.display();
    out.note(format!("{path} keeps what was exchanged; review it, put it under version control, and apply the site"));
    out.note("consents to erase that named the old numbers hold for the new ones no longer");
    Ok(super::READY)
}

fn kept(node: &NodeName, exchange: Exchange, at: Timestamp, reason: Option<String>) -> Replacement {
    let Exchange { part, was, now } = exchange;
    Replacement { node: node.clone(), part, was, now, at, reason }
}

/// What was exchanged, as it is seen or, where that is not clear, as it was given.
fn exchanges(
    node: &Node,
    was: &Fingerprint,
    now: &Fingerprint,
    given: &[GivenPart],
) -> Result<Vec<Exchange>, CliError> {
    let told = |part: &Part| given.iter().find(|given| given.part == *part);
    // What a person says goes first; the rest must then be clear.
    let mut node = node.clone();
    let mut exchanges = Vec::new();
    for GivenPart { part, now } in given {
        let was = known_by(&node, was, part).ok_or_else(|| {
            CliError::Usage(format!(
                "nothing tells by what {part} of `{}` was known; write it into the site file",
                node.name
            ))
        })?;
        let exchange = Exchange { part: part.clone(), was, now: now.clone() };
        kept(&node.name, exchange.clone(), Timestamp::UNIX_EPOCH, None).apply(&mut node);
        exchanges.push(exchange);
    }
    match Exchange::between(&node, was, now) {
        Ok(seen) => exchanges.extend(seen.into_iter().filter(|exchange| told(&exchange.part).is_none())),
        Err(unclear) => {
            let lines: Vec<String> = unclear.iter().map(Unclear::to_string).collect();
            return Err(CliError::Usage(lines.join("\n")));
        }
    }
    Ok(exchanges)
}

fn known_by(node: &Node, was: &Fingerprint, part: &Part) -> Option<String> {
    match part {
        Part::Chassis => was.serial.clone().or_else(|| node.serial.clone()),
        Part::Board => was.board_serial.clone().or_else(|| was.uuid.clone()),
        Part::Nic(nic) => node.nics.get(nic)?.mac.map(|mac| mac.to_string()),
        Part::Disk(disk) => node.disks.get(disk)?.serial.clone(),
    }
}

/// A machine that another node is bound to was not exchanged for this one's: somebody mixed up two cables.
fn is_nobody_elses(lock: &Lock, node: &NodeName, now: &Fingerprint) -> Result<(), CliError> {
    use dip::core::identity::Verdict::Same;
    let mut others = lock.machines.iter().filter(|(other, _)| *other != node);
    match others.find(|(_, other)| Likeness::between(other, now).verdict == Same) {
        None => Ok(()),
        Some((other, _)) => Err(CliError::Usage(format!(
            "the machine at the BMC of `{node}` is the one that `{other}` is bound to; look at the cables and addresses of their BMCs"
        ))),
    }
}
