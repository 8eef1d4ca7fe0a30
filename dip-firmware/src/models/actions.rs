//! How a model answers `POST`.

use serde_json::{Value, json};

use super::changes::refuse;
use super::maker::Maker;
use super::state::{State, Work};
use crate::http::Answer;

pub(super) fn post(state: &mut State, path: &str, body: &Value, raw: &str) -> Answer {
    let maker = state.maker;
    if path == format!("{}/Actions/ComputerSystem.Reset", maker.system()) {
        return reset(state, body["ResetType"].as_str().unwrap_or_default());
    }
    if path == format!("{}/Actions/Manager.Reset", maker.manager()) {
        state.sessions.clear();
        state.forget_tasks();
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
        "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate" => install(state, path, &body["Targets"][0]),
        "/redfish/v1/UpdateService/MultipartUpload" | "/redfish/v1/UpdateService/update" => {
            if !raw.contains("IMAGE") {
                return refuse(400, "The image is missing.");
            }
            install(state, path, &json!("/redfish/v1/UpdateService/FirmwareInventory/BIOS"))
        }
        "/redfish/v1/EventService/Subscriptions" => {
            state.carry_out(Work::Create { collection: path.to_owned(), body: body.clone() });
            Answer::json(&json!({})).with_status(201)
        }
        "/redfish/v1/CertificateService/Actions/CertificateService.GenerateCSR" => request_certificate(body),
        "/redfish/v1/CertificateService/Actions/CertificateService.ReplaceCertificate" => {
            let place = body["CertificateUri"]["@odata.id"].as_str().unwrap_or_default().to_owned();
            state.tree.entry(place).and_modify(|it| it["CertificateString"] = body["CertificateString"].clone());
            Answer::status(204)
        }
        _ if path.ends_with("/Actions/LogService.ClearLog") => {
            let log = path.trim_end_matches("/Actions/LogService.ClearLog");
            state.tree.insert(format!("{log}/Entries"), json!({ "Members": [] }));
            Answer::status(204)
        }
        _ if path.ends_with("/Volumes") => create_volume(state, path, body),
        _ => refuse(404, "The action does not exist."),
    }
}

fn reset(state: &mut State, kind: &str) -> Answer {
    let is_on = state.tree[state.maker.system()]["PowerState"] == "On";
    match kind {
        "On" | "ForceOn" => state.switch(true),
        "ForceOff" | "GracefulShutdown" | "PushPowerButton" => state.switch(false),
        // https://github.com/NVIDIA/libredfish/blob/main/src/lenovo.rs: the machine hangs, and does not start.
        "ForceRestart" | "PowerCycle" if state.maker == Maker::Lenovo => {}
        "ForceRestart" | "PowerCycle" | "GracefulRestart" if is_on => state.start(),
        _ => return refuse(409, "The machine is off."),
    }
    Answer::status(204)
}

fn insert(state: &mut State, media: &str, body: &Value) -> Answer {
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

fn show(state: &mut State, media: &str, image: &Value, inserted: bool) {
    state.tree.entry(media.to_owned()).and_modify(|drive| {
        drive["Image"] = image.clone();
        drive["Inserted"] = json!(inserted);
    });
    state.touch(media);
}

fn create_user(state: &mut State, body: &Value) -> Answer {
    if state.maker == Maker::Dell {
        return refuse(405, "The method is not allowed.");
    }
    // https://servermanagementportal.ext.hpe.com/: the second name is required.
    if state.maker == Maker::Hpe && !body["Oem"]["Hpe"]["LoginName"].is_string() {
        return refuse(400, "The property LoginName is missing.");
    }
    let number = state.next() + 10;
    let path = format!("/redfish/v1/AccountService/Accounts/{number}");
    let name = body["UserName"].as_str().unwrap_or_default().to_owned();
    state.passwords.insert(name, body["Password"].as_str().unwrap_or_default().to_owned());
    let mut user = body.clone();
    user["Password"] = Value::Null;
    state.tree.insert(path.clone(), user);
    let list = state.tree.entry("/redfish/v1/AccountService/Accounts".to_owned()).or_default();
    list["Members"].as_array_mut().expect("the tree has it").push(super::tree::link(&path));
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

fn install(state: &mut State, target: &str, component: &Value) -> Answer {
    let component = component.as_str().unwrap_or("/redfish/v1/UpdateService/FirmwareInventory/BIOS").to_owned();
    let task = state.begin(Work::Install { component }, target);
    Answer::status(202).with("Location", task)
}

fn create_volume(state: &mut State, collection: &str, body: &Value) -> Answer {
    if !body["Links"]["Drives"].is_array() || !body["RAIDType"].is_string() {
        return refuse(400, "The request needs drives and a type.");
    }
    let work = Work::Create { collection: collection.to_owned(), body: body.clone() };
    if state.maker == Maker::Hpe {
        state.carry_out(work);
        return Answer::json(&json!({})).with_status(201);
    }
    let task = state.begin(work, collection);
    Answer::status(202).with("Location", task)
}
