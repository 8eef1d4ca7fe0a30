//! `dip hardware`: who the machines of a site are and what they consist of; changes nothing, and keeps what it saw.

use std::sync::Arc;

use dip::core::hardware::{Disk, Hardware, Identity, MemoryModule, NicPort, Part, Processor};
use dip::core::id::NodeName;
use serde_json::json;

use crate::args::Hardware as Args;
use crate::error::CliError;
use crate::machines::{self, Machine};
use crate::out::Out;
use crate::readings::Readings;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let nodes = machines::asked(&world, &args.nodes)?;
    let machines = world.block_on(machines::look(&world, &nodes))?;
    let readings = Readings::beside(&args.journals.directory(), &world);
    let mut seen = readings.seen(&world, out);
    let mut missed = 0;
    for (node, machine) in &machines {
        match machine {
            Ok(machine) => {
                seen.record(machine.facts(node), world.clock.now());
                tell(node, machine, out)?;
            }
            Err(why) => {
                missed += 1;
                if out.json {
                    out.json(&json!({"node": node, "unobserved": why}))?;
                } else {
                    out.line(format!("{node}  {}", out.style.warn(format!("could not be observed: {why}"))))?;
                }
            }
        }
    }
    readings.keep(&world.site.name, &seen)?;
    Ok(if missed == 0 { super::READY } else { super::NOT_OBSERVED })
}

fn tell(node: &NodeName, Machine { identity, hardware }: &Machine, out: &Out) -> Result<(), CliError> {
    if out.json {
        return out.json(&json!({"node": node, "identity": identity, "hardware": hardware}));
    }
    out.line(format!("{node}  {}", who(identity)))?;
    for (noun, parts) in parts(hardware) {
        match parts {
            None => out.line(format!("  {noun:14} not told"))?,
            Some(parts) if parts.is_empty() => out.line(format!("  {noun:14} none"))?,
            Some(parts) => parts.iter().try_for_each(|part| out.line(format!("  {noun:14} {part}")))?,
        }
    }
    Ok(())
}

fn who(identity: &Identity) -> String {
    let Identity { manufacturer, model, serial, uuid, board_serial } = identity;
    let told = |label: &str, text: &Option<String>| text.as_ref().map(|text| format!("{label}{text}"));
    let all = [
        told("", manufacturer),
        told("", model),
        told("serial ", serial),
        told("board ", board_serial),
        told("UUID ", uuid),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The parts by their nouns; those that are alike in one line.
fn parts(hardware: &Hardware) -> [(&'static str, Option<Vec<String>>); 5] {
    let Hardware { processors, memory, nics, disks, power_supplies } = hardware;
    [
        ("processors", processors.as_ref().map(|all| all.iter().map(processor).collect())),
        ("memory", memory.as_ref().map(|all| alike(all.iter().map(module)))),
        ("network ports", nics.as_ref().map(|all| all.iter().map(port).collect())),
        ("disks", disks.as_ref().map(|all| all.iter().map(disk).collect())),
        ("power supplies", power_supplies.as_ref().map(|all| all.iter().map(|part| named(part, &[])).collect())),
    ]
}

/// Things with the same description, the slots of all of them together.
fn alike(modules: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (slot, what) in modules {
        match groups.iter_mut().find(|(other, _)| *other == what) {
            Some((_, slots)) => slots.push(slot),
            None => groups.push((what, vec![slot])),
        }
    }
    let line = |(what, slots): (String, Vec<String>)| format!("{} × {what}: {}", slots.len(), slots.join(", "));
    groups.into_iter().map(line).collect()
}

fn named(part: &Part, more: &[Option<String>]) -> String {
    let maker = [&part.manufacturer, &part.model].into_iter().flatten().cloned();
    let serial = part.serial.iter().map(|serial| format!("serial {serial}"));
    let health = part.health.iter().filter(|health| **health != dip::core::hardware::Health::Ok);
    let health = health.map(|health| format!("rated {health:?}").to_lowercase());
    let all = more.iter().flatten().cloned().chain(maker).chain(serial).chain(health);
    std::iter::once(part.slot.clone()).chain(all).collect::<Vec<_>>().join(", ")
}

fn processor(processor: &Processor) -> String {
    named(&processor.part, &[processor.cores.map(|cores| format!("{cores} cores"))])
}

fn module(module: &MemoryModule) -> (String, String) {
    let size = module.mebibytes.map_or_else(|| "size not told".to_owned(), |size| format!("{} GiB", size / 1024));
    (module.part.slot.clone(), size)
}

fn port(port: &NicPort) -> String {
    let link = port.has_link.map(|link| if link { "has a link" } else { "no link" }.to_owned());
    named(&port.part, &[port.mac.map(|mac| mac.to_string()), link])
}

fn disk(disk: &Disk) -> String {
    let size = disk.bytes.map(|bytes| format!("{} GB", bytes / 1_000_000_000));
    named(&disk.part, &[size, disk.protocol.clone()])
}
