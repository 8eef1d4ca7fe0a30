//! How a model answers `PATCH` and `DELETE`: generally, and in its maker's own way.

use serde_json::{Map, Value, json};

use dip_core::hardware::BootDevice;
use dip_core::secret::Secret;

use super::machine::{Machine, Refusal};
use super::maker::Maker;
use super::state::State;
use crate::provider::{BiosAttributes, BiosValue, BootMode, BootOverride, Persistence};
use crate::providers::service::{Answer, Request};

pub(super) fn refuse(status: u16, said: &str) -> Answer {
    Answer::json(
        &json!({ "error": { "@Message.ExtendedInfo": [{ "Message": said, "MessageId": "Base.1.12.GeneralError" }] } }),
    )
    .with_status(status)
}

/// What the machine does not do.
pub(super) fn refused(refusal: &Refusal) -> Answer {
    let status = if matches!(refusal, Refusal::Busy(_)) { 503 } else { 400 };
    refuse(status, &refusal.to_string())
}

pub(super) fn patch<M: Machine>(state: &mut State<M>, path: &str, request: &Request, body: &Value) -> Answer {
    let maker = state.maker;
    if !state.tree.contains_key(path) {
        return refuse(404, "The resource does not exist.");
    }
    match request.header("if-match") {
        Some(told) if told != state.etag(path) => return refuse(412, "The ETag does not match."),
        // https://github.com/ansible/ansible/pull/56150
        None if maker == Maker::Lenovo => return refuse(428, "The request did not provide the required precondition."),
        _ => {}
    }
    let system = maker.system();
    if path == system && body.get("Boot").is_some() && maker.settings().is_some() {
        return refuse(400, "The property Boot is a read only property and cannot be assigned a value.");
    }
    if let Some(boot) = body.get("Boot") {
        return patch_boot(state, path, boot);
    }
    if path.to_lowercase().ends_with("/bios/settings") {
        return patch_bios(state, path, body);
    }
    if path.starts_with("/redfish/v1/AccountService/Accounts/") {
        if maker == Maker::Dell && path.ends_with("/1") {
            return refuse(400, "The user account 1 is reserved.");
        }
        let before = state.tree[path]["UserName"].as_str().unwrap_or_default().to_owned();
        let name = body["UserName"].as_str().unwrap_or(&before);
        if let Some(password) = body["Password"].as_str() {
            state.machine.set_password(name, &Secret::new(password.to_owned()));
        }
        if name != before || body["Enabled"] == false {
            state.machine.bar(&before);
        }
        let mut shown = body.clone();
        shown["Password"] = Value::Null;
        return merge_into(state, path, &shown);
    }
    if let Some(enabled) = body["SecureBootEnable"].as_bool().filter(|_| path.ends_with("/SecureBoot")) {
        state.machine.secure(enabled);
        return done(maker);
    }
    if path == maker.media() {
        if maker != Maker::Lenovo {
            return refuse(405, "The drive is changed by its actions.");
        }
        // https://opendev.org/openstack/sushy: it stays empty without `Inserted`.
        if body["Image"].is_string() && body["Inserted"] != true {
            return Answer::status(204);
        }
    }
    merge_into(state, path, body)
}

fn patch_boot<M: Machine>(state: &mut State<M>, path: &str, boot: &Value) -> Answer {
    let system = state.maker.system();
    let mut boot = boot.clone();
    // https://github.com/DMTF/Redfishtool/pull/106
    if state.maker == Maker::Supermicro && boot.get("BootSourceOverrideMode").is_none() {
        boot["BootSourceOverrideMode"] = json!("Legacy");
    }
    state.touch(path);
    let answer = merge_into(state, system, &json!({ "Boot": boot }));
    let wanted = wanted_boot(&state.tree[system]["Boot"]);
    state.machine.set_boot(wanted);
    answer
}

fn wanted_boot(boot: &Value) -> BootOverride {
    let device = match boot["BootSourceOverrideTarget"].as_str() {
        Some("Pxe" | "UefiHttp") => BootDevice::Network,
        Some("Hdd") => BootDevice::Disk,
        Some("Cd" | "UsbCd") => BootDevice::Cdrom,
        Some("BiosSetup") => BootDevice::Setup,
        _ => BootDevice::Default,
    };
    let mode = if boot["BootSourceOverrideMode"] == "Legacy" { BootMode::Bios } else { BootMode::Uefi };
    match boot["BootSourceOverrideEnabled"].as_str() {
        Some("Once") => BootOverride { device, persistence: Persistence::Once, mode },
        Some("Continuous") => BootOverride { device, persistence: Persistence::Always, mode },
        _ => BootOverride::once(BootDevice::Default),
    }
}

fn patch_bios<M: Machine>(state: &mut State<M>, path: &str, body: &Value) -> Answer {
    // https://storyboard.openstack.org/#!/story/2008163
    if state.maker == Maker::Dell && body["@Redfish.SettingsApplyTime"]["ApplyTime"] != "OnReset" {
        return refuse(400, "The request is missing the apply time.");
    }
    let value = |value: &Value| match value {
        Value::Bool(on) => Some(BiosValue::Switch(*on)),
        Value::String(text) => Some(BiosValue::Text(text.clone())),
        other => other.as_i64().map(BiosValue::Number),
    };
    let told = body["Attributes"].as_object().into_iter().flatten();
    let wanted: BiosAttributes = told.filter_map(|(name, told)| Some((name.clone(), value(told)?))).collect();
    match state.machine.set_bios(&wanted) {
        Ok(()) => {
            state.touch(path);
            done(state.maker)
        }
        Err(refusal) => refused(&refusal),
    }
}

fn merge_into<M: Machine>(state: &mut State<M>, path: &str, body: &Value) -> Answer {
    state.edit(path, |resource| merge(resource, body));
    done(state.maker)
}

const fn done(maker: Maker) -> Answer {
    Answer::status(if matches!(maker, Maker::OpenBmc) { 204 } else { 200 })
}

fn merge(into: &mut Value, from: &Value) {
    match from {
        Value::Object(fields) => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            for (name, value) in fields {
                merge(&mut into[name], value);
            }
        }
        _ => *into = from.clone(),
    }
}

pub(super) fn delete<M: Machine>(state: &mut State<M>, path: &str) -> Answer {
    if path.contains("/Sessions/") {
        state.sessions.retain(|token| !path.ends_with(&format!("/{token}")));
        return Answer::status(204);
    }
    if !state.tree.contains_key(path) {
        return refuse(404, "The resource does not exist.");
    }
    if path.contains("/Accounts/") && state.maker == Maker::Dell {
        return refuse(405, "The method is not allowed.");
    }
    if let Some((collection, volume)) = path.rsplit_once('/').filter(|(collection, _)| collection.ends_with("/Volumes"))
    {
        let accepted = state.machine.remove(volume);
        return match state.task_of(accepted, collection) {
            Some(task) => Answer::status(202).with("Location", task),
            None => Answer::status(204),
        };
    }
    if path.contains("/Accounts/") {
        let name = state.tree[path]["UserName"].as_str().unwrap_or_default().to_owned();
        state.machine.bar(&name);
    }
    state.take_away(path);
    Answer::status(204)
}
