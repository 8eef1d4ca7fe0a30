//! A model of a maker's BMC, served over HTTP in this process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::{Identity, PowerState};
use dip_core::secret::Secret;
use dip_firmware::conformance::BmcHarness;
use dip_firmware::models::{Bench, Fault, Maker, Model, SERIAL, UUID};
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::Request;
use dip_firmware::quirks::Entry;
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::Value;

use crate::http::Server;

/// What can stand in the way of a request here.
#[derive(Debug, Clone)]
pub(crate) enum InTheWay {
    /// The model's fault.
    Fault(Fault),
    /// The answer comes so late.
    Slow(Duration),
}

/// The methods, the parts of paths and what stands in their way, each for one request.
type Faults = Arc<Mutex<Vec<(&'static str, &'static str, InTheWay)>>>;

/// A BMC of a maker, over HTTP in this process.
pub(crate) struct ModelBmc {
    pub(crate) maker: Maker,
    pub(crate) server: Server,
    model: Arc<Model<Bench>>,
    faults: Faults,
    client: Arc<dyn Bmc>,
}

impl ModelBmc {
    pub(crate) async fn start(maker: Maker) -> std::io::Result<Self> {
        let model = Arc::new(Model::new(maker, Bench::new(maker)));
        let faults = Faults::default();
        let (answering, armed) = (Arc::clone(&model), Arc::clone(&faults));
        let server = Server::start(move |request| match take(&armed, request) {
            Some(InTheWay::Fault(fault)) => answering.answer(request, Some(&fault)),
            Some(InTheWay::Slow(late)) => {
                // The server answers one request after the other, on a thread of its own while it waits.
                tokio::task::block_in_place(|| std::thread::sleep(late));
                answering.answer(request, None)
            }
            None => answering.answer(request, None),
        })
        .await?;
        let client = client(&server, "password", Vec::new());
        Ok(Self { maker, server, model, faults, client })
    }

    /// A client that knows quirks which the table does not.
    pub(crate) fn knowing(&self, quirks: Vec<Entry>) -> Arc<dyn Bmc> {
        client(&self.server, "password", quirks)
    }

    /// Puts a fault in the way of the next request of a method to a path with a part in it.
    pub(crate) fn fails(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.meets(method, part, InTheWay::Fault(fault));
    }

    /// As [`Self::fails`], with anything in the way.
    pub(crate) fn meets(&self, method: &'static str, part: &'static str, it: InTheWay) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push((method, part, it));
    }

    /// What stands at a path.
    pub(crate) fn at(&self, path: &str) -> Value {
        self.model.at(path)
    }

    pub(crate) fn system(&self) -> Value {
        self.at(self.maker.system())
    }
}

fn take(faults: &Faults, request: &Request) -> Option<InTheWay> {
    let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
    let meets = |(method, part, _): &(&str, &str, InTheWay)| request.method == *method && request.path.contains(part);
    let at = faults.iter().position(meets)?;
    Some(faults.remove(at).2)
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
        self.model.machine(|machine| machine.switch(state));
        Ok(())
    }

    async fn starts(&self) -> Option<usize> {
        Some(self.model.machine(|machine| machine.starts()))
    }
}

/// How long a slow answer takes: longer than most, and well within the patience of a client.
pub(crate) const SLOW: Duration = Duration::from_millis(1500);
