//! How a model answers `PATCH` and `DELETE`: generally, and in its maker's own way.

use serde_json::{Map, Value, json};

use super::maker::Maker;
use super::state::{State, Work};
use crate::http::{Answer, Request};

pub(super) fn refuse(status: u16, said: &str) -> Answer {
    Answer::json(
        &json!({ "error": { "@Message.ExtendedInfo": [{ "Message": said, "MessageId": "Base.1.12.GeneralError" }] } }),
    )
    .with_status(status)
}

pub(super) fn patch(state: &mut State, path: &str, request: &Request, body: &Value) -> Answer {
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
        let name = state.tree[path]["UserName"].as_str().unwrap_or_default().to_owned();
        let name = body["UserName"].as_str().map_or(name, str::to_owned);
        if let Some(password) = body["Password"].as_str() {
            state.passwords.insert(name, password.to_owned());
        }
        let mut shown = body.clone();
        shown["Password"] = Value::Null;
        return merge_into(state, path, &shown);
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

fn patch_boot(state: &mut State, path: &str, boot: &Value) -> Answer {
    let system = state.maker.system().to_owned();
    let mut boot = boot.clone();
    // https://github.com/DMTF/Redfishtool/pull/106
    if state.maker == Maker::Supermicro && boot.get("BootSourceOverrideMode").is_none() {
        boot["BootSourceOverrideMode"] = json!("Legacy");
    }
    state.touch(path);
    merge_into(state, &system, &json!({ "Boot": boot }))
}

fn patch_bios(state: &mut State, path: &str, body: &Value) -> Answer {
    // https://storyboard.openstack.org/#!/story/2008163
    if state.maker == Maker::Dell && body["@Redfish.SettingsApplyTime"]["ApplyTime"] != "OnReset" {
        return refuse(400, "The request is missing the apply time.");
    }
    merge_into(state, path, &json!({ "Attributes": body["Attributes"] }))
}

fn merge_into(state: &mut State, path: &str, body: &Value) -> Answer {
    state.tree.entry(path.to_owned()).and_modify(|resource| merge(resource, body));
    state.touch(path);
    Answer::status(if state.maker == Maker::OpenBmc { 204 } else { 200 })
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

pub(super) fn delete(state: &mut State, path: &str) -> Answer {
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
    let work = Work::Remove { path: path.to_owned() };
    if path.contains("/Volumes/") && state.maker != Maker::Hpe {
        let task = state.begin(work, path);
        return Answer::status(202).with("Location", task);
    }
    state.carry_out(work);
    Answer::status(204)
}
