//! A running model.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::{Identity, PowerState};
use dip_core::secret::Secret;
use dip_firmware::conformance::BmcHarness;
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Redfish;
use dip_firmware::quirks::Entry;
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::{Value, json};

use super::actions::post;
use super::changes::{delete, patch, refuse};
use super::fault::Fault;
use super::maker::Maker;
use super::state::State;
use super::tree::{SERIAL, UUID};
use crate::http::{Answer, Request, Server};

/// A BMC of a maker, over HTTP in this process.
pub(crate) struct ModelBmc {
    pub(crate) maker: Maker,
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
    client: Arc<dyn Bmc>,
}

impl ModelBmc {
    pub(crate) async fn start(maker: Maker) -> std::io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new(maker)));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| {
            let late;
            let answer = {
                let mut state = answering.lock().unwrap_or_else(PoisonError::into_inner);
                let fault = take_fault(&mut state, request);
                late = matches!(fault, Some(Fault::Slow(_))).then(|| fault.clone());
                answer(&mut state, request, fault)
            };
            if let Some(Some(Fault::Slow(late))) = late {
                // The server answers one request after the other, on a thread of its own while it waits.
                tokio::task::block_in_place(|| std::thread::sleep(late));
            }
            answer
        })
        .await?;
        let client = client(&server, "password", Vec::new());
        Ok(Self { maker, server, state, client })
    }

    /// A client that knows quirks which the table does not.
    pub(crate) fn knowing(&self, quirks: Vec<Entry>) -> Arc<dyn Bmc> {
        client(&self.server, "password", quirks)
    }

    /// Puts a fault in the way of the next request of a method to a path with a part in it.
    pub(crate) fn fails(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.lock().faults.push((method, part, fault));
    }

    /// What stands at a path.
    pub(crate) fn at(&self, path: &str) -> Value {
        self.lock().tree.get(path).cloned().unwrap_or_default()
    }

    pub(crate) fn system(&self) -> Value {
        self.at(self.maker.system())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(server: &Server, password: &str, quirks: Vec<Entry>) -> Arc<dyn Bmc> {
    client_at(server.addr.port(), password, quirks)
}

fn client_at(port: u16, password: &str, quirks: Vec<Entry>) -> Arc<dyn Bmc> {
    let settings = RedfishSettings { port: Some(port), scheme: Scheme::Http, quirks, ..RedfishSettings::default() };
    let client = Redfish::new("127.0.0.1", "admin", &Secret::new(password.to_owned()), &settings);
    Arc::new(client.expect("the settings are sound"))
}

#[async_trait]
impl BmcHarness for ModelBmc {
    fn bmc(&self) -> Arc<dyn Bmc> {
        Arc::clone(&self.client)
    }

    fn with_wrong_password(&self) -> Option<Arc<dyn Bmc>> {
        Some(client(&self.server, "wrong", Vec::new()))
    }

    fn of_nobody(&self) -> Option<Arc<dyn Bmc>> {
        // Nobody discards packets any more (RFC 863).
        Some(client_at(9, "password", Vec::new()))
    }

    fn identity(&self) -> Identity {
        let (manufacturer, model) = self.maker.machine();
        Identity {
            manufacturer: Some(manufacturer.to_owned()),
            model: Some(model.to_owned()),
            serial: Some(SERIAL.to_owned()),
            uuid: Some(UUID.to_owned()),
            board_serial: None,
        }
    }

    async fn bring(&self, state: PowerState) -> Result<(), Failure> {
        self.lock().switch(state == PowerState::On);
        Ok(())
    }

    async fn starts(&self) -> Option<usize> {
        Some(self.lock().starts)
    }
}

fn take_fault(state: &mut State, request: &Request) -> Option<Fault> {
    let meets = |(method, part, _): &(&str, &str, Fault)| request.method == *method && request.path.contains(part);
    let at = state.faults.iter().position(meets)?;
    Some(state.faults.remove(at).2)
}

fn answer(state: &mut State, request: &Request, fault: Option<Fault>) -> Option<Answer> {
    match fault {
        Some(Fault::Busy(seconds)) => {
            return Some(refuse(503, "The service is busy.").with("Retry-After", seconds.to_string()));
        }
        Some(Fault::SessionDropped) => state.sessions.clear(),
        Some(Fault::TasksForgotten) => state.forget_tasks(),
        Some(Fault::SelfTest) => {
            let body = json!({ "error": { "code": "iLO.0.10.ExtendedInfo", "@Message.ExtendedInfo": [
                { "MessageId": "iLO.2.24.UnableToModifyDuringSystemPOST" },
            ]}});
            return Some(Answer::json(&body).with_status(400));
        }
        Some(Fault::RestartsAfter) => {
            answer(state, request, None);
            state.sessions.clear();
            state.forget_tasks();
            return None;
        }
        Some(Fault::Slow(_)) | None => {}
    }
    state.tick();
    let path = request.path.trim_end_matches('/').to_owned();
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    if path == "/redfish/v1/SessionService/Sessions" && request.method == "POST" {
        return Some(open_session(state, &body));
    }
    if !(path == "/redfish/v1" || is_signed(state, request)) {
        return Some(refuse(401, "The session has ended."));
    }
    Some(match request.method.as_str() {
        "GET" => match state.tree.get(&path) {
            Some(resource) => Answer::json(resource).with("ETag", state.etag(&path)),
            None => refuse(404, "The resource does not exist."),
        },
        "PATCH" => patch(state, &path, request, &body),
        "POST" => post(state, &path, &body, &request.body),
        "DELETE" => delete(state, &path),
        _ => refuse(405, "The method is not allowed."),
    })
}

fn open_session(state: &mut State, body: &Value) -> Answer {
    let user = body["UserName"].as_str().unwrap_or_default();
    if state.passwords.get(user).map(String::as_str) != body["Password"].as_str() {
        return refuse(401, "The user or the password is wrong.");
    }
    let token = format!("token-{}", state.next());
    let location = format!("/redfish/v1/SessionService/Sessions/{token}");
    state.sessions.insert(token.clone());
    Answer::json(&json!({})).with_status(201).with("X-Auth-Token", token).with("Location", location)
}

fn is_signed(state: &State, request: &Request) -> bool {
    request.header("x-auth-token").is_some_and(|token| state.sessions.contains(token))
}

/// How long a slow answer takes: longer than most, and well within the patience of a client.
pub(crate) const SLOW: Duration = Duration::from_millis(1500);
