//! The line to a BMC of a maker's model: requests and answers of Redfish, without a socket.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::NodeName;
use dip_firmware::models::{self, Model};
use dip_firmware::providers::service::{Answer, NoAnswer, Request, Service};

use super::absence::{absence, busy, linger};
use crate::fault::Fault;
use crate::line::{Access, CONTROLLER, Line, PATIENCE};
use crate::world::Body;

/// What `openssl x509 -fingerprint` would print of a certificate that nobody expects.
const OTHER: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// One line to a modelled BMC.
#[derive(Debug)]
pub(crate) struct ModelledBmc {
    line: Line,
    node: NodeName,
    model: Arc<Model<Body>>,
}

impl ModelledBmc {
    pub(crate) const fn new(line: Line, node: NodeName, model: Arc<Model<Body>>) -> Self {
        Self { line, node, model }
    }

    async fn unreached(&self, why: String) -> NoAnswer {
        self.line.world().time.sleep(PATIENCE).await;
        NoAnswer::Unreached(format!("{} did not answer within {} s: {why}", self.line.subject(), PATIENCE.as_secs()))
    }

    /// What stands in the way of a request that is taken.
    fn fault(&self, request: &Request) -> Option<models::Fault> {
        if let Some(after) = busy(&self.line) {
            return Some(models::Fault::Busy(after.as_secs().max(1)));
        }
        let is_login = request.path.contains("/SessionService/Sessions");
        if !is_login && self.bites(|fault| matches!(fault, Fault::SessionDropped { .. })) {
            return Some(models::Fault::SessionDropped);
        }
        if request.method != "GET" && !is_login && self.bites(|fault| matches!(fault, Fault::BmcRestarts { .. })) {
            return Some(models::Fault::RestartsAfter);
        }
        let asks_for_task = request.method == "GET" && request.path.contains("/TaskService/Tasks/");
        (asks_for_task && self.bites(|fault| matches!(fault, Fault::TaskStale { .. })))
            .then_some(models::Fault::TasksStale)
    }

    fn bites(&self, wanted: impl Fn(&Fault) -> bool) -> bool {
        self.line.bite(wanted).is_some()
    }
}

#[async_trait]
impl Service for ModelledBmc {
    async fn answer(&self, request: &Request) -> Result<Answer, NoAnswer> {
        if self.line.access() == Access::DeadServer {
            return Err(self.unreached("nothing listens there".to_owned()).await);
        }
        if let Some(why) = absence(&self.line, &self.node) {
            return Err(self.unreached(why).await);
        }
        if self.bites(|fault| matches!(fault, Fault::OtherCertificate { .. })) {
            return Err(NoAnswer::OtherCertificate(OTHER.to_owned()));
        }
        self.line.take_time().await;
        linger(&self.line).await;
        // Whoever has the wrong password is told so where a session is opened.
        if self.line.access() == Access::WrongCredentials && request.method == "POST" {
            return Ok(Answer::status(401));
        }
        let fault = self.fault(request);
        self.model.answer(request, fault.as_ref()).ok_or_else(|| NoAnswer::Lost("the BMC restarted".to_owned()))
    }
}

/// How long a request to a modelled BMC takes: a whole reading is many of them.
pub(crate) const REQUEST: (Duration, Duration) = (CONTROLLER.0, Duration::from_millis(300));
