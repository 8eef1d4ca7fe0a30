//! What the machine is now, told as resources of the maker.

use dip_core::hardware::{BootDevice, DiskKind, Hardware, PowerState};
use serde_json::{Map, Value, json};

use super::machine::{Attribute, Machine, Takes};
use super::maker::Maker;
use super::state::State;
use super::tree::{link, members};
use crate::provider::{BiosAttributes, BiosValue, Disk, Health, StorageController, TaskState};

/// Brings the resources up to what the machine is.
pub(super) fn show<M: Machine>(state: &mut State<M>) {
    system(state);
    bios(state);
    storage(state);
    firmware(state);
    tasks(state);
    let hardware = state.machine.hardware();
    parts(state, &hardware);
}

fn system<M: Machine>(state: &mut State<M>) {
    let (serial, uuid) = state.machine.identity();
    let power = if state.machine.power() == PowerState::On { "On" } else { "Off" };
    let is_over = state.machine.boot().device == BootDevice::Default;
    let path = state.maker.system();
    state.edit(path, |it| {
        it["SerialNumber"] = json!(serial);
        it["UUID"] = json!(uuid);
        it["PowerState"] = json!(power);
        if is_over && it["Boot"]["BootSourceOverrideEnabled"] != "Disabled" {
            it["Boot"]["BootSourceOverrideEnabled"] = json!("Disabled");
        }
    });
    let secure = state.machine.secure_boot();
    let word = if secure.enforced { "Enabled" } else { "Disabled" };
    let body = json!({ "SecureBootEnable": secure.enabled, "SecureBootCurrentBoot": word });
    state.put(&format!("{path}/SecureBoot"), body);
}

fn bios<M: Machine>(state: &mut State<M>) {
    let told = state.machine.bios();
    let registry: Vec<Value> = state.machine.registry().iter().map(attribute).collect();
    state.put("/redfish/v1/Registries/Bios.json", json!({ "RegistryEntries": { "Attributes": registry } }));
    let path = format!("{}/Bios", state.maker.system());
    state.edit(&path, |it| it["Attributes"] = attributes(&told.current));
    let mut will_be = told.current;
    will_be.extend(told.pending.clone());
    let waiting = match state.maker {
        Maker::Hpe | Maker::Lenovo => json!({ "Attributes": attributes(&will_be) }),
        // It leaves the list out where nothing waits.
        Maker::Supermicro if told.pending.is_empty() => json!({}),
        _ => json!({ "Attributes": attributes(&told.pending) }),
    };
    state.put(&state.maker.bios_settings(), waiting);
}

fn attribute(attribute: &Attribute) -> Value {
    let name = &attribute.name;
    match &attribute.takes {
        Takes::OneOf(words) => {
            let values: Vec<_> = words.iter().map(|word| json!({ "ValueName": word })).collect();
            json!({ "AttributeName": name, "Type": "Enumeration", "Value": values })
        }
        Takes::From(least, most) => {
            json!({ "AttributeName": name, "Type": "Integer", "LowerBound": least, "UpperBound": most })
        }
        Takes::Switch => json!({ "AttributeName": name, "Type": "Boolean" }),
        Takes::ReadOnly => json!({ "AttributeName": name, "Type": "String", "ReadOnly": true }),
    }
}

fn attributes(told: &BiosAttributes) -> Value {
    let value = |value: &BiosValue| match value {
        BiosValue::Text(text) => json!(text),
        BiosValue::Number(number) => json!(number),
        BiosValue::Switch(on) => json!(on),
    };
    Value::Object(told.iter().map(|(name, told)| (name.clone(), value(told))).collect::<Map<_, _>>())
}

fn storage<M: Machine>(state: &mut State<M>) {
    let collection = format!("{}/Storage", state.maker.system());
    let told = state.machine.storage();
    let paths: Vec<_> = told.iter().map(|it| format!("{collection}/{}", it.id)).collect();
    for (controller, path) in told.iter().zip(&paths) {
        subsystem(state, controller, path);
    }
    state.put(&collection, members(&paths));
}

fn subsystem<M: Machine>(state: &mut State<M>, told: &StorageController, path: &str) {
    let drive = |slot: &str| format!("{path}/Drives/{slot}");
    for disk in &told.disks {
        state.put(&drive(&disk.part.slot), disk_body(disk));
    }
    let drives: Vec<_> = told.disks.iter().map(|disk| link(&drive(&disk.part.slot))).collect();
    let levels = told.levels.as_ref().map(|levels| levels.iter().map(ToString::to_string).collect::<Vec<_>>());
    let controller = json!({ "Model": told.model, "SupportedRAIDTypes": levels });
    let mut body = json!({ "Id": told.id, "StorageControllers": [controller], "Drives": drives });
    if levels.is_some() {
        let collection = format!("{path}/Volumes");
        body["Volumes"] = link(&collection);
        let paths: Vec<_> = told.volumes.iter().map(|volume| format!("{collection}/{}", volume.id)).collect();
        let gone = |known: &String| known.starts_with(&format!("{collection}/")) && !paths.contains(known);
        let gone: Vec<_> = state.tree.keys().filter(|known| gone(known)).cloned().collect();
        for path in gone {
            state.tree.remove(&path);
        }
        for (volume, path) in told.volumes.iter().zip(&paths) {
            let disks: Vec<_> = volume.disks.iter().map(|slot| link(&drive(slot))).collect();
            let level = volume.level.map(|level| level.to_string());
            let body = json!({
                "Id": volume.id, "Name": volume.name, "RAIDType": level, "CapacityBytes": volume.bytes, "Links": { "Drives": disks },
            });
            state.put(path, body);
        }
        let mut list = members(&paths);
        if state.maker == Maker::Dell {
            list["@Redfish.OperationApplyTimeSupport"] = json!({ "SupportedValues": ["Immediate", "OnReset"] });
        }
        state.put(&collection, list);
    }
    state.put(path, body);
}

fn disk_body(disk: &Disk) -> Value {
    let kind = disk.kind.map(|kind| if kind == DiskKind::Hdd { "HDD" } else { "SSD" });
    json!({
        "Manufacturer": disk.part.manufacturer, "Model": disk.part.model, "SerialNumber": disk.part.serial, "MediaType": kind,
        "Protocol": disk.protocol, "CapacityBytes": disk.bytes, "Status": { "Health": health(disk.part.health) },
    })
}

const fn health(health: Option<Health>) -> Option<&'static str> {
    match health {
        Some(Health::Ok) => Some("OK"),
        Some(Health::Warning) => Some("Warning"),
        Some(Health::Critical) => Some("Critical"),
        _ => None,
    }
}

fn firmware<M: Machine>(state: &mut State<M>) {
    let list = "/redfish/v1/UpdateService/FirmwareInventory";
    let mut paths = Vec::new();
    for component in state.machine.components() {
        let path = format!("{list}/{}", component.id);
        if component.id == "BMC" {
            let version = component.version.clone();
            state.edit(state.maker.manager(), |it| it["FirmwareVersion"] = json!(version));
        }
        let name = component.name.as_deref().unwrap_or(&component.id);
        state.put(&path, json!({ "Name": name, "Version": component.version, "Updateable": component.updateable }));
        paths.push(path);
    }
    if state.maker == Maker::Dell {
        // What was there before is listed too.
        let path = format!("{list}/Previous-159-1.0.0__BIOS.Setup.1-1");
        state.put(&path, json!({ "Name": "BIOS", "Version": "1.0.0", "Updateable": true }));
        paths.push(path);
    }
    state.put(list, members(&paths));
}

fn tasks<M: Machine>(state: &mut State<M>) {
    let list = "/redfish/v1/TaskService/Tasks";
    let told: Vec<_> =
        state.machine.tasks().into_iter().map(|(task, told)| (state.maker.task(&task.0), told)).collect();
    let gone: Vec<_> =
        state.tasks.keys().filter(|path| !told.iter().any(|(known, _)| known == *path)).cloned().collect();
    for path in gone {
        state.tasks.remove(&path);
        state.tree.remove(&path);
    }
    for (path, told) in &told {
        let target = state.tasks.entry(path.clone()).or_default().0.clone();
        let (word, status, percent, said) = match told {
            TaskState::Pending => ("Pending", "OK", Some(0), None),
            TaskState::Running(percent) => ("Running", "OK", *percent, None),
            TaskState::Failed(said) => ("Exception", "Critical", None, Some(said)),
            TaskState::Done | TaskState::Gone => ("Completed", "OK", Some(100), None),
        };
        let messages: Vec<_> =
            said.into_iter().map(|said| json!({ "Message": said, "Severity": "Critical" })).collect();
        let body = json!({
            "TaskState": word, "TaskStatus": status, "PercentComplete": percent, "Payload": { "TargetUri": target },
            "Messages": messages,
        });
        state.tasks.entry(path.clone()).and_modify(|it| {
            it.1.get_or_insert_with(|| body.clone());
        });
        state.put(path, body);
    }
    let paths: Vec<_> = told.into_iter().map(|(path, _)| path).collect();
    state.put(list, members(&paths));
}

fn parts<M: Machine>(state: &mut State<M>, told: &Hardware) {
    let absent = json!({ "Status": { "State": "Absent", "Health": null } });
    let mut processors: Vec<_> = told
        .processors
        .iter()
        .flatten()
        .map(|it| {
            json!({
                "Socket": it.part.slot, "Model": it.part.model, "TotalCores": it.cores, "TotalThreads": it.threads,
                "Status": { "Health": health(it.part.health) },
            })
        })
        .collect();
    // An empty socket, and a card that is no processor of the system.
    processors.push(absent.clone());
    processors.push(json!({ "ProcessorType": "GPU", "Model": "H100", "Status": { "State": "Enabled" } }));
    list(state, "Processors", &processors);
    let mut memory: Vec<_> = told.memory.iter().flatten().map(|it| json!({
        "DeviceLocator": it.part.slot, "CapacityMiB": it.mebibytes, "PartNumber": "M393", "Status": { "Health": health(it.part.health) },
    })).collect();
    memory.push(absent);
    list(state, "Memory", &memory);
    let ports: Vec<_> = told
        .nics
        .iter()
        .flatten()
        .map(|port| {
            let mac = port.mac.map(|mac| mac.to_string().to_uppercase()).unwrap_or_default();
            let has_link = port.has_link.map(|up| if up { "LinkUp" } else { "LinkDown" });
            json!({ "MACAddress": mac, "PermanentMACAddress": mac, "LinkStatus": has_link })
        })
        .collect();
    list(state, "EthernetInterfaces", &ports);
    supplies(state, told);
}

/// In the newer form or the older.
fn supplies<M: Machine>(state: &mut State<M>, told: &Hardware) {
    let bodies = told.power_supplies.iter().flatten().map(|it| {
        json!({
            "MemberId": "0", "Name": it.slot, "Model": it.model, "SerialNumber": it.serial,
            "Status": { "State": "Enabled", "Health": health(it.health) },
        })
    });
    let bodies: Vec<_> = bodies.collect();
    if !matches!(state.maker, Maker::Dell | Maker::OpenBmc) {
        state.edit("/redfish/v1/Chassis/1/Power", |it| it["PowerSupplies"] = json!(bodies));
        return;
    }
    let collection = "/redfish/v1/Chassis/1/PowerSubsystem/PowerSupplies";
    let paths: Vec<_> = (1..=bodies.len()).map(|number| format!("{collection}/PSU.{number}")).collect();
    for (path, body) in paths.iter().zip(bodies) {
        state.put(path, body);
    }
    state.put(collection, members(&paths));
}

fn list<M: Machine>(state: &mut State<M>, name: &str, bodies: &[Value]) {
    let system = state.maker.system();
    let paths: Vec<_> = (1..=bodies.len()).map(|number| format!("{system}/{name}/{number}")).collect();
    for (path, body) in paths.iter().zip(bodies) {
        state.put(path, body.clone());
    }
    state.put(&format!("{system}/{name}"), members(&paths));
}
