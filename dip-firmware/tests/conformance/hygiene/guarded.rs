//! A model that locks its users after some wrong logins, as real ones do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::forward::forward;
use crate::http::{Answer, Server};
use crate::model::{Maker, ModelBmc};

/// A model behind a guard that counts wrong logins in a row.
pub(super) struct Guarded {
    _model: ModelBmc,
    pub(super) addr: SocketAddr,
    _server: Server,
    wrong: Arc<AtomicU32>,
    after: u32,
}

impl Guarded {
    /// It locks after so many; what it tells of that itself is the model's business (5).
    pub(super) async fn start(maker: Maker, after: u32) -> std::io::Result<Self> {
        let model = ModelBmc::start(maker).await?;
        let (behind, wrong) = (model.server.addr, Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&wrong);
        let server = Server::start(move |request| {
            let logs_in = request.line() == "POST /redfish/v1/SessionService/Sessions";
            if logs_in && count.load(Ordering::SeqCst) >= after {
                return Some(Answer::status(401));
            }
            let (status, answer) = forward(behind, request)?;
            match status {
                401 if logs_in => drop(count.fetch_add(1, Ordering::SeqCst)),
                _ if logs_in => count.store(0, Ordering::SeqCst),
                _ => {}
            }
            Some(answer)
        })
        .await?;
        Ok(Self { _model: model, addr: server.addr, _server: server, wrong, after })
    }

    /// How many logins in a row were wrong.
    pub(super) fn wrong(&self) -> u32 {
        self.wrong.load(Ordering::SeqCst)
    }

    /// Whether nobody gets in any more, by whatever password.
    pub(super) fn is_locked(&self) -> bool {
        self.wrong() >= self.after
    }
}
