//! A model that answers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dip_core::secret::Secret;
use serde_json::{Value, json};

use super::actions::post;
use super::changes::{delete, patch, refuse};
use super::fault::Fault;
use super::machine::Machine;
use super::maker::Maker;
use super::show::show;
use super::state::State;
use crate::providers::service::{Answer, Request};

/// A maker's BMC in front of a machine.
#[derive(Debug)]
pub struct Model<M>(Mutex<State<M>>);

impl<M: Machine> Model<M> {
    /// A BMC as its maker ships it.
    pub fn new(maker: Maker, machine: M) -> Self {
        Self(Mutex::new(State::new(maker, machine)))
    }

    /// Answers a request, with something in its way; `None` where the answer is lost.
    pub fn answer(&self, request: &Request, fault: Option<&Fault>) -> Option<Answer> {
        answer(&mut self.lock(), request, fault)
    }

    /// What stands at a path now, for whoever looks behind the service; `Null` for nothing.
    pub fn at(&self, path: &str) -> Value {
        let mut state = self.lock();
        show(&mut state);
        state.tree.get(path).cloned().unwrap_or_default()
    }

    /// Does something with the machine itself, as a person in the machine room does.
    pub fn machine<T>(&self, act: impl FnOnce(&mut M) -> T) -> T {
        act(&mut self.lock().machine)
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer<M: Machine>(state: &mut State<M>, request: &Request, fault: Option<&Fault>) -> Option<Answer> {
    match fault {
        Some(Fault::Busy(seconds)) => {
            return Some(refuse(503, "The service is busy.").with("Retry-After", seconds.to_string()));
        }
        Some(Fault::SelfTest) => {
            let body = json!({ "error": { "code": "iLO.0.10.ExtendedInfo", "@Message.ExtendedInfo": [
                { "MessageId": "iLO.2.24.UnableToModifyDuringSystemPOST" },
            ]}});
            return Some(Answer::json(&body).with_status(400));
        }
        Some(Fault::RestartsAfter) => {
            answer(state, request, None);
            state.restart_controller();
            return None;
        }
        Some(Fault::SessionDropped) => state.sessions.clear(),
        Some(Fault::TasksForgotten) => state.machine.restart_controller(),
        Some(Fault::TasksStale) | None => {}
    }
    show(state);
    let path = request.path.trim_end_matches('/').to_owned();
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    if path == "/redfish/v1/SessionService/Sessions" && request.method == "POST" {
        return Some(open_session(state, &body));
    }
    if !(path == "/redfish/v1" || is_signed(state, request)) {
        return Some(refuse(401, "The session has ended."));
    }
    Some(match request.method.as_str() {
        "GET" => read(state, &path, fault),
        "PATCH" => patch(state, &path, request, &body),
        "POST" => post(state, &path, &body, &request.body),
        "DELETE" => delete(state, &path),
        _ => refuse(405, "The method is not allowed."),
    })
}

fn read<M: Machine>(state: &State<M>, path: &str, fault: Option<&Fault>) -> Answer {
    if let Some((_, Some(first))) = state.tasks.get(path).filter(|_| fault == Some(&Fault::TasksStale)) {
        return Answer::json(first);
    }
    // Members in place of links to them (DSP0266, "$expand").
    if let Some((collection, "$expand=.($levels=1)")) = path.split_once('?').filter(|_| expands(state)) {
        return match state.tree.get(collection.trim_end_matches('/')) {
            Some(collection) => Answer::json(&expanded(state, collection)),
            None => refuse(404, "The resource does not exist."),
        };
    }
    match state.tree.get(path) {
        Some(resource) => Answer::json(resource).with("ETag", state.etag(path)),
        None => refuse(404, "The resource does not exist."),
    }
}

fn expands<M: Machine>(state: &State<M>) -> bool {
    state.tree["/redfish/v1"]["ProtocolFeaturesSupported"]["ExpandQuery"]["NoLinks"] == true
}

fn expanded<M: Machine>(state: &State<M>, collection: &Value) -> Value {
    let mut collection = collection.clone();
    for member in collection["Members"].as_array_mut().into_iter().flatten() {
        let path = member["@odata.id"].as_str().unwrap_or_default().to_owned();
        if let Some(resource) = state.tree.get(&path) {
            *member = resource.clone();
            member["@odata.id"] = json!(path);
        }
    }
    collection
}

fn open_session<M: Machine>(state: &mut State<M>, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    if !state.machine.lets_in(&text("UserName"), &Secret::new(text("Password"))) {
        return refuse(401, "The user or the password is wrong.");
    }
    let token = format!("token-{}", state.next());
    let location = format!("/redfish/v1/SessionService/Sessions/{token}");
    state.sessions.insert(token.clone());
    Answer::json(&json!({})).with_status(201).with("X-Auth-Token", token).with("Location", location)
}

fn is_signed<M: Machine>(state: &State<M>, request: &Request) -> bool {
    request.header("x-auth-token").is_some_and(|token| state.sessions.contains(token))
}
