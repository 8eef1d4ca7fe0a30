//! Firmware, settings and volumes of a node as one transaction: what comes about at a boot shares it.
//!
//! New firmware comes first: it may bring other settings, and some makers refuse a BIOS update while settings wait for a boot.
//! All else has no order of its own, so that it shares the next boot.

use dip_core::fact::firmware::IDENTITY;
use dip_core::fact::{Fact, FactKey};
use dip_core::layer::{Deferred, Note};
use dip_core::observed::Observed;
use dip_core::site::{Node, Origin};
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::de::DeserializeOwned;

use crate::provider::Component;
use crate::selection::{Chosen, select};
use crate::settings::NodeFirmware;
use crate::steps::{
    COMPONENTS, InstallFirmware, MakeVolume, ReadComponents, ReadStorage, RemoveVolume, SetBios, SetSecureBoot,
    version_of,
};
use crate::storage::{STORAGE, Storage};
use crate::wishes::{InTheWay, Level};

/// The steps for what is wanted of a node's firmware, as far as it is known what there is.
pub(crate) fn propose(
    node: &Node,
    wanted: &NodeFirmware,
    seen: &Observed,
    steps: &mut Vec<Step>,
    notes: &mut Vec<Note>,
) {
    let faults = wanted.faults();
    if !faults.is_empty() {
        notes.extend(faults.into_iter().map(|fault| Note {
            text: format!("`{}` of node `{}`: {}", fault.path, node.name, fault.text),
            origin: origin(node, &fault.path).cloned(),
        }));
        return;
    }
    if node.bmc.is_none() && wanted.asks_the_bmc() {
        let text = format!(
            "node `{}` has no `bmc`, and only that can see to its firmware, settings and volumes; add one, or take them out of `firmware`",
            node.name
        );
        notes.push(Note { text, origin: origin(node, "firmware").cloned() });
        return;
    }
    let mut own = Vec::new();
    let mut firmware_first = Vec::new();
    updates(node, wanted, seen, &mut own, &mut firmware_first);
    let after_firmware = |step: Step| match firmware_first.as_slice() {
        [] => step,
        some => step.need(Need::AllIfGiven(some.to_vec())),
    };
    if !wanted.bios.is_empty() {
        let [ask, look] = SetBios::steps(&node.name, &wanted.bios, origin(node, "firmware.bios"));
        own.extend([after_firmware(ask), look]);
    }
    if let Some(secure_boot) = wanted.secure_boot {
        let [ask, look] = SetSecureBoot::steps(&node.name, secure_boot, origin(node, "firmware.secure_boot"));
        own.extend([after_firmware(ask), look]);
    }
    volumes(node, wanted, seen, &mut own);
    // Where the site file tells the serial number, no other machine is changed by mistake.
    let identified = node.serial.as_ref().map(|_| Need::IfGiven(IDENTITY.of(&Subject::node(&node.name))));
    steps.extend(own.into_iter().map(|step| identified.iter().cloned().fold(step, Step::need)));
}

/// What is proposed only once it is known what the node has.
pub(crate) fn deferred(node: &Node, wanted: &NodeFirmware) -> Vec<Deferred> {
    let subject = Subject::node(&node.name);
    let mut all = Vec::new();
    let mut defer = |what: String, until: FactKey, path: &str| {
        all.push(Deferred { what, until: vec![until], origin: origin(node, path).cloned() });
    };
    if !wanted.updates.is_empty() {
        let what = format!("the firmware of {}", wanted.updates.keys().cloned().collect::<Vec<_>>().join(", "));
        defer(format!("{what} of {}", node.name), COMPONENTS.of(&subject), "firmware.updates");
    }
    if !wanted.volumes.is_empty() {
        let names: Vec<&str> = wanted.volumes.iter().map(|volume| volume.name.as_str()).collect();
        let noun = if names.len() == 1 { "volume" } else { "volumes" };
        defer(format!("{noun} {} of {}", names.join(", "), node.name), STORAGE.of(&subject), "firmware.volumes");
    }
    all
}

fn updates(node: &Node, wanted: &NodeFirmware, seen: &Observed, steps: &mut Vec<Step>, first: &mut Vec<FactKey>) {
    if wanted.updates.is_empty() {
        return;
    }
    steps.push(ReadComponents { node: node.name.clone() }.step(origin(node, "firmware.updates")));
    let Some(components) = reading::<Vec<Component>>(seen, node, &COMPONENTS) else { return };
    for (component, update) in &wanted.updates {
        let origin = origin(node, &format!("firmware.updates.{component}"));
        if InstallFirmware::waits_for_boot(component, update, &components) {
            steps.extend(InstallFirmware::steps(&node.name, component, update, origin));
            first.push(version_of(&node.name, component));
        } else {
            steps.push(InstallFirmware::whole(&node.name, component, update, origin));
        }
    }
}

fn volumes(node: &Node, wanted: &NodeFirmware, seen: &Observed, steps: &mut Vec<Step>) {
    if wanted.volumes.is_empty() {
        return;
    }
    let origin = origin(node, "firmware.volumes");
    let read = ReadStorage { node: node.name.clone(), volumes: wanted.volumes.clone() };
    steps.push(read.step(origin));
    let Some(storage) = reading::<Storage>(seen, node, &STORAGE) else { return };
    // Where they cannot be chosen, reading them says so.
    let Ok(all) = select(&storage.disks(), &wanted.volumes) else { return };
    let mut removals: Vec<Step> = Vec::new();
    for chosen in &all {
        let gone = match wanted.in_the_way {
            InTheWay::Keep => Vec::new(),
            InTheWay::Remove => remove(node, chosen, &storage, origin, &mut removals),
        };
        let needs = |step: Step| step.need_facts(gone.iter().cloned());
        match (chosen.level, gone.is_empty()) {
            (Level::Jbod, true) => steps.push(MakeVolume::whole(&node.name, chosen, origin)),
            (Level::Jbod, false) => {
                steps.push(MakeVolume::freed(&node.name, chosen, gone.iter().cloned(), origin));
            }
            _ if is_there(chosen, &storage) => steps.push(MakeVolume::whole(&node.name, chosen, origin)),
            _ => {
                let [ask, look] = MakeVolume::steps(&node.name, chosen, origin);
                steps.extend([needs(ask), look]);
            }
        }
    }
    steps.append(&mut removals);
}

/// Removes the volumes that have disks of a wanted one; gives the facts that they are gone. Each is removed once.
fn remove(
    node: &Node,
    chosen: &Chosen,
    storage: &Storage,
    origin: Option<&Origin>,
    removals: &mut Vec<Step>,
) -> Vec<FactKey> {
    let mut gone = Vec::new();
    for controller in &storage.controllers {
        let slots = slots_on(chosen, &controller.id);
        for volume in storage.volumes_on(&controller.id, &slots).filter(|volume| !is_it(chosen, volume)) {
            // Where nobody could consent, the step that makes the wanted one tells what is in its way.
            let Some(removal) = RemoveVolume::of(&node.name, controller, volume) else { continue };
            let step = removal.step(origin);
            if !removals.iter().any(|known| known.name == step.name) {
                removals.push(step);
            }
            gone.push(removal.fact());
        }
    }
    gone
}

fn slots_on(chosen: &Chosen, controller: &str) -> Vec<String> {
    let on_it = chosen.disks.iter().filter(|disk| disk.controller.as_deref() == Some(controller));
    on_it.map(|disk| disk.part.slot.clone()).collect()
}

fn is_there(chosen: &Chosen, storage: &Storage) -> bool {
    let controller = chosen.disks.first().and_then(|disk| disk.controller.as_deref()).unwrap_or_default();
    let slots = slots_on(chosen, controller);
    storage.volumes_on(controller, &slots).any(|volume| is_it(chosen, volume))
}

fn is_it(chosen: &Chosen, volume: &crate::provider::Volume) -> bool {
    let is_member = |disk: &dip_core::hardware::Disk| volume.disks.contains(&disk.part.slot);
    chosen.level != Level::Jbod
        && volume.level == chosen.level.raid()
        && volume.disks.len() == chosen.disks.len()
        && chosen.disks.iter().all(is_member)
}

fn reading<T: DeserializeOwned>(seen: &Observed, node: &Node, fact: &Fact<T>) -> Option<T> {
    let reading = seen.reading(&fact.of(&Subject::node(&node.name)))?;
    // A reading of another version of dip is as good as none: it is read again.
    T::deserialize(&reading.value).ok()
}

fn origin<'a>(node: &'a Node, path: &str) -> Option<&'a Origin> {
    node.settings.origin(path).or(node.origin.as_ref())
}
