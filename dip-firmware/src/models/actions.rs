//! How a model answers `POST`.

use serde_json::{Value, json};

use dip_core::hardware::PowerState;
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;

use super::changes::{refuse, refused};
use super::machine::Machine;
use super::maker::Maker;
use super::state::State;
use crate::provider::{RaidLevel, WantedVolume};
use crate::providers::service::Answer;

/// Where an image that was sent lies, for whoever asks for its name.
const PUSHED: &str = "pushed-2.0.0.bin";

pub(super) fn post<M: Machine>(state: &mut State<M>, path: &str, body: &Value, raw: &str) -> Answer {
    let maker = state.maker;
    if path == format!("{}/Actions/ComputerSystem.Reset", maker.system()) {
        return reset(state, body["ResetType"].as_str().unwrap_or_default());
    }
    if path == format!("{}/Actions/Manager.Reset", maker.manager()) {
        state.restart_controller();
        return Answer::status(204);
    }
    let media = maker.media();
    if path == format!("{media}/Actions/VirtualMedia.InsertMedia") {
        return insert(state, &media, body);
    }
    if path == format!("{media}/Actions/VirtualMedia.EjectMedia") {
        // https://opendev.org/openstack/sushy: iLO refuses a request without a body.
        if maker == Maker::Hpe && !body.is_object() {
            return refuse(415, "Unsupported media type.");
        }
        show(state, &media, &Value::Null, false);
        state.ejecting = if maker == Maker::Dell { 2 } else { 0 };
        return Answer::status(204);
    }
    match path {
        "/redfish/v1/AccountService/Accounts" => create_user(state, body),
        "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate" => {
            install(state, path, body["ImageURI"].as_str().unwrap_or_default(), &body["Targets"])
        }
        "/redfish/v1/UpdateService/MultipartUpload" | "/redfish/v1/UpdateService/update" => {
            if !raw.contains("IMAGE") {
                return refuse(400, "The image is missing.");
            }
            install(state, path, PUSHED, &Value::Null)
        }
        "/redfish/v1/EventService/Subscriptions" => {
            let made = state.add(path, body.clone());
            Answer::json(&json!({})).with_status(201).with("Location", made)
        }
        "/redfish/v1/CertificateService/Actions/CertificateService.GenerateCSR" => request_certificate(body),
        "/redfish/v1/CertificateService/Actions/CertificateService.ReplaceCertificate" => {
            let place = body["CertificateUri"]["@odata.id"].as_str().unwrap_or_default().to_owned();
            state.edit(&place, |it| it["CertificateString"] = body["CertificateString"].clone());
            Answer::status(204)
        }
        _ if path.ends_with("/Actions/LogService.ClearLog") => {
            let log = path.trim_end_matches("/Actions/LogService.ClearLog");
            state.put(&format!("{log}/Entries"), json!({ "Members": [] }));
            Answer::status(204)
        }
        _ if path.ends_with("/Volumes") => create_volume(state, path, body),
        _ => refuse(404, "The action does not exist."),
    }
}

fn reset<M: Machine>(state: &mut State<M>, kind: &str) -> Answer {
    let is_on = state.machine.power() == PowerState::On;
    match kind {
        "On" | "ForceOn" => state.machine.request(PowerAction::On),
        "ForceOff" => state.machine.request(PowerAction::Off),
        "GracefulShutdown" | "PushPowerButton" => state.machine.request(PowerAction::Shutdown),
        // https://github.com/NVIDIA/libredfish/blob/main/src/lenovo.rs: the machine hangs, and does not start.
        "ForceRestart" | "PowerCycle" if state.maker == Maker::Lenovo => {}
        "ForceRestart" | "PowerCycle" | "GracefulRestart" if is_on => state.machine.request(PowerAction::Cycle),
        _ => return refuse(409, "The machine is off."),
    }
    Answer::status(204)
}

fn insert<M: Machine>(state: &mut State<M>, media: &str, body: &Value) -> Answer {
    // https://storyboard.openstack.org/#!/story/2008504
    if state.ejecting > 0 {
        state.ejecting -= 1;
        return refuse(500, "The drive is in use.");
    }
    // https://opendev.org/openstack/sushy: X11 and X12 take the URL alone.
    if state.maker == Maker::Supermicro && body.as_object().is_some_and(|fields| fields.len() > 1) {
        return refuse(400, "The request has a property that can only be read.");
    }
    if state.tree[media]["Inserted"] == true {
        return refuse(400, "The drive is not empty.");
    }
    show(state, media, &body["Image"], true);
    Answer::status(204)
}

fn show<M: Machine>(state: &mut State<M>, media: &str, image: &Value, inserted: bool) {
    state.edit(media, |drive| {
        drive["Image"] = image.clone();
        drive["Inserted"] = json!(inserted);
    });
}

fn create_user<M: Machine>(state: &mut State<M>, body: &Value) -> Answer {
    if state.maker == Maker::Dell {
        return refuse(405, "The method is not allowed.");
    }
    // https://servermanagementportal.ext.hpe.com/: the second name is required.
    if state.maker == Maker::Hpe && !body["Oem"]["Hpe"]["LoginName"].is_string() {
        return refuse(400, "The property LoginName is missing.");
    }
    let name = body["UserName"].as_str().unwrap_or_default();
    let password = body["Password"].as_str().unwrap_or_default();
    state.machine.set_password(name, &Secret::new(password.to_owned()));
    let mut user = body.clone();
    user["Password"] = Value::Null;
    let path = state.add("/redfish/v1/AccountService/Accounts", user);
    Answer::json(&json!({})).with_status(201).with("Location", path)
}

/// The schema before version 1.1 requires a whole address.
fn request_certificate(body: &Value) -> Answer {
    let required =
        ["CertificateCollection", "City", "CommonName", "Country", "Organization", "OrganizationalUnit", "State"];
    match required.iter().find(|name| body.get(**name).is_none()) {
        Some(missing) => refuse(400, &format!("The parameter {missing} is missing.")),
        None => {
            Answer::json(&json!({ "CSRString": format!("-----BEGIN CERTIFICATE REQUEST----- {}", body["CommonName"]) }))
        }
    }
}

fn install<M: Machine>(state: &mut State<M>, target: &str, image: &str, components: &Value) -> Answer {
    let ids = components.as_array().into_iter().flatten().filter_map(|path| path.as_str()?.rsplit('/').next());
    let mut ids: Vec<_> = ids.map(str::to_owned).collect();
    if ids.is_empty() {
        ids.push("BIOS".to_owned());
    }
    match state.machine.install(image, &ids) {
        Ok(accepted) => match state.task_of(accepted, target) {
            Some(task) => Answer::status(202).with("Location", task),
            None => Answer::status(204),
        },
        Err(refusal) => refused(&refusal),
    }
}

fn create_volume<M: Machine>(state: &mut State<M>, collection: &str, body: &Value) -> Answer {
    let level = match body["RAIDType"].as_str() {
        Some("RAID0") => RaidLevel::Raid0,
        Some("RAID1") => RaidLevel::Raid1,
        Some("RAID5") => RaidLevel::Raid5,
        Some("RAID6") => RaidLevel::Raid6,
        Some("RAID10") => RaidLevel::Raid10,
        _ => return refuse(400, "The request needs drives and a type."),
    };
    let Some(drives) = body["Links"]["Drives"].as_array() else {
        return refuse(400, "The request needs drives and a type.");
    };
    let slots = drives.iter().filter_map(|drive| drive["@odata.id"].as_str()?.rsplit('/').next());
    let wanted = WantedVolume {
        name: body["Name"].as_str().unwrap_or_default().to_owned(),
        level,
        disks: slots.map(str::to_owned).collect(),
    };
    let controller = collection.trim_end_matches("/Volumes").rsplit('/').next().unwrap_or_default().to_owned();
    match state.machine.make(&controller, &wanted) {
        Ok(accepted) => match state.task_of(accepted, collection) {
            Some(task) => Answer::status(202).with("Location", task),
            None => Answer::json(&json!({})).with_status(201),
        },
        Err(refusal) => refused(&refusal),
    }
}
