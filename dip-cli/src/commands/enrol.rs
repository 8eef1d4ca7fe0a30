//! `dip enrol`: binds nodes to the machines behind their controllers, in the lock file, which a person reviews.

use std::sync::Arc;

use dip::Site;
use dip::core::id::NodeName;
use dip::core::identity::{Fingerprint, Likeness, Verdict};
use dip::core::site::Lock;
use serde_json::json;

use crate::args::Enrol as Args;
use crate::error::CliError;
use crate::machines;
use crate::out::Out;
use crate::world::{self, World};

/// What became of a node.
enum Enrolled {
    /// It is bound now.
    Bound,
    /// It was bound before, to this machine.
    Already,
    /// It is left as it is, and why.
    Refused(String),
    /// Nobody could see its machine, and why.
    Unseen(String),
}

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let (mut lock, path) = (loaded.lock, loaded.lock_path);
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    let nodes = machines::asked(&world, &args.nodes)?;
    let seen = world.block_on(machines::look(&world, &nodes))?;
    let mut status = super::READY;
    let mut bound = 0;
    for (node, machine) in seen {
        let enrolled = match machine {
            Ok(machine) => enrol(&world.site, &mut lock, &node, machine.fingerprint()),
            Err(why) => Enrolled::Unseen(why),
        };
        let (word, text) = match enrolled {
            Enrolled::Bound => {
                bound += 1;
                ("bound", lock.machines.get(&node).map(told).unwrap_or_default())
            }
            Enrolled::Already => ("already", "bound to this machine before".to_owned()),
            Enrolled::Refused(why) => {
                status = super::DIFFERS;
                ("refused", why)
            }
            Enrolled::Unseen(why) => {
                status = status.max(super::NOT_OBSERVED);
                ("not delivered", format!("or not connected yet: {why}"))
            }
        };
        if out.json {
            out.json(&json!({"node": node, "enrolled": word, "text": text}))?;
        } else {
            out.line(format!("{word:14} {node}  {text}"))?;
        }
    }
    if bound > 0 {
        lock.write(&path)?;
        out.note(format!("{} binds {bound} more; review it and put it under version control", path.display()));
    }
    Ok(status)
}

fn enrol(site: &Site, lock: &mut Lock, node: &NodeName, now: Fingerprint) -> Enrolled {
    if now.serial.is_none() && now.board_serial.is_none() && now.uuid.is_none() {
        return Enrolled::Refused(
            "its controller tells neither a serial number nor a UUID, so nobody could know it again".to_owned(),
        );
    }
    let wanted = site.nodes.get(node).and_then(|node| node.serial.as_ref());
    if let (Some(wanted), Some(serial)) = (wanted, &now.serial)
        && !wanted.eq_ignore_ascii_case(serial)
    {
        return Enrolled::Refused(format!(
            "the site file wants serial number `{wanted}`, and this machine has `{serial}`; correct the address of its BMC or the serial number"
        ));
    }
    if let Some(was) = lock.machines.get(node) {
        let likeness = Likeness::between(was, &now);
        return match likeness.verdict {
            Verdict::Same => Enrolled::Already,
            _ => Enrolled::Refused(format!("{likeness}; `dip replace {node}` says that it was exchanged")),
        };
    }
    let same = |other: &&NodeName| Likeness::between(&lock.machines[*other], &now).verdict == Verdict::Same;
    if let Some(other) = lock.machines.keys().find(same) {
        return Enrolled::Refused(format!("it is the machine that `{other}` is bound to"));
    }
    lock.machines.insert(node.clone(), now);
    Enrolled::Bound
}

fn told(machine: &Fingerprint) -> String {
    let serial = machine.serial.as_ref().map(|serial| format!("serial {serial}"));
    let board = machine.board_serial.as_ref().map(|serial| format!("board {serial}"));
    let uuid = machine.uuid.as_ref().map(|uuid| format!("UUID {uuid}"));
    [serial, board, uuid].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
