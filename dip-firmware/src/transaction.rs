//! Firmware, settings and volumes of a node as one transaction: what comes about at a boot shares it.
//!
//! New firmware comes first: it may bring other settings, and some makers refuse a BIOS update while settings wait for a boot.
//! All else has no order of its own, so that it shares the next boot.

use dip_core::fact::firmware::{HARDWARE_VERIFIED, IDENTITY};
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
    let subject = Subject::node(&node.name);
    let identified = node.serial.as_ref().map(|_| Need::IfGiven(IDENTITY.of(&subject)));
    // A machine that lacks parts goes no further.
    let whole = wanted.hardware.as_ref().map(|_| Need::IfGiven(HARDWARE_VERIFIED.of(&subject)));
    let needs: Vec<Need> = identified.into_iter().chain(whole).collect();
    steps.extend(own.into_iter().map(|step| needs.iter().cloned().fold(step, Step::need)));
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

#[cfg(test)]
mod tests {
    use dip_core::fact::Facts;
    use dip_core::hardware::{Disk, Part};
    use dip_core::id::LayerId;
    use dip_core::step::{Environment, Hazard, Place};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::provider::{StorageController, Volume};
    use crate::testing::{node_named, node_with_bmc};

    fn node() -> Node {
        let mut node = node_with_bmc("n1", vec![]);
        let firmware = json!({
            "bios": {"Turbo": "on"},
            "secure_boot": "enabled",
            "volumes": [{"name": "system", "level": "raid1", "role": "system", "disks": {"pick": "first", "count": 2}}],
            "in_the_way": "remove",
            "updates": {"BIOS": {"version": "2.0", "image": "http://images/bios"}},
        });
        node.settings.layers.insert(LayerId::Firmware, firmware);
        node
    }

    fn proposed(seen: &Observed) -> Vec<Step> {
        let node = node();
        let wanted = node.settings.read(LayerId::Firmware).expect("its shape").expect("it is there");
        let (mut steps, mut notes) = (Vec::new(), Vec::new());
        propose(&node, &wanted, seen, &mut steps, &mut notes);
        assert!(notes.is_empty(), "{notes:?}");
        steps
    }

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    /// Three disks, two of them in a volume of somebody else.
    fn seen(bios: &str) -> Observed {
        let disk = |slot: u8| {
            let part = Part { slot: slot.to_string(), serial: Some(format!("S{slot}")), ..Part::default() };
            Disk { part, ..Disk::default() }
        };
        let disks = vec!["1".to_owned(), "2".to_owned()];
        let controller = StorageController {
            id: "C0".to_owned(),
            model: None,
            levels: None,
            disks: (0..3).map(disk).collect(),
            volumes: vec![Volume { id: "VD7".to_owned(), name: None, level: None, disks, bytes: None }],
        };
        let component =
            Component { id: "BIOS".to_owned(), name: None, version: Some(bios.to_owned()), updateable: Some(true) };
        let subject = Subject::node(&node_named("n1"));
        let facts = Facts::new().with(&STORAGE, &subject, &Storage::new(vec![controller], vec![])).with(
            &COMPONENTS,
            &subject,
            &vec![component],
        );
        let mut seen = Observed::new();
        seen.record(facts, Timestamp::UNIX_EPOCH);
        seen
    }

    #[test]
    fn what_there_is_is_read_first_and_the_rest_is_deferred() {
        let blind = proposed(&Observed::new());
        assert_eq!(
            names(&blind),
            [
                "firmware.read_components node/n1",
                "firmware.set_bios node/n1",
                "firmware.set_bios node/n1 in force",
                "firmware.set_secure_boot node/n1",
                "firmware.set_secure_boot node/n1 in force",
                "firmware.read_storage node/n1",
            ]
        );
        let node = node();
        let wanted = node.settings.read(LayerId::Firmware).expect("its shape").expect("it is there");
        let deferred = deferred(&node, &wanted);
        assert_eq!(deferred.len(), 2);
        assert!(
            deferred.iter().all(|deferred| !deferred.is_known(&Observed::new()) && deferred.is_known(&seen("1.0")))
        );
    }

    #[test]
    fn firmware_and_the_volume_of_the_system_are_there_before_a_system_starts_and_settings_after_new_firmware() {
        let steps = proposed(&seen("1.0"));
        let named = |name: &str| {
            steps.iter().find(|step| step.name.as_str() == name).unwrap_or_else(|| panic!("{:?}", names(&steps)))
        };
        let at = |environment| Place::In(node_named("n1"), environment);
        for name in ["firmware.install_firmware node/n1 BIOS in force", "firmware.make_volume node/n1 system in force"]
        {
            assert_eq!(named(name).place, at(Environment::Firmware));
        }
        assert_eq!(named("firmware.set_bios node/n1 in force").place, at(Environment::Installed));
        let first = Need::AllIfGiven(vec![version_of(&node_named("n1"), "BIOS")]);
        assert!(named("firmware.set_bios node/n1").needs.contains(&first));
        assert_eq!(named("firmware.set_bios node/n1").hazard, Hazard::None);
        let removal = named("firmware.remove_volume node/n1 VD7");
        assert_eq!(removal.erases.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["S1", "S2"]);
        let make = named("firmware.make_volume node/n1 system");
        assert!(make.needs.contains(&Need::fact(removal.gives[0].clone())), "room is made first");
    }

    #[test]
    fn what_runs_already_or_must_not_be_installed_causes_no_boot() {
        for bios in ["2.0", "3.0"] {
            let steps = proposed(&seen(bios));
            let of_firmware = steps.iter().filter(|step| step.name.as_str().contains("install_firmware"));
            assert_eq!(of_firmware.map(|step| step.place.clone()).collect::<Vec<_>>(), [Place::Anywhere], "{bios}");
            let first = version_of(&node_named("n1"), "BIOS");
            assert!(steps.iter().all(|step| !step.needs.contains(&Need::AllIfGiven(vec![first.clone()]))));
        }
    }

    #[test]
    fn a_node_that_nobody_can_ask_is_told_with_what_to_do() {
        let mut node = node();
        node.bmc = None;
        let wanted = node.settings.read(LayerId::Firmware).expect("its shape").expect("it is there");
        let (mut steps, mut notes) = (Vec::new(), Vec::new());
        propose(&node, &wanted, &Observed::new(), &mut steps, &mut notes);
        assert!(steps.is_empty());
        assert!(notes[0].text.contains("node `n1` has no `bmc`"), "{notes:?}");
    }
}
