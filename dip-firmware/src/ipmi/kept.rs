//! A session that is opened when it is needed, kept while it is used, and renewed when the BMC has lost it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use super::client::IpmiClient;
use super::completion::CompletionCode;
use super::credentials::Credentials;
use super::error::{ErrorClass, IpmiError};
use super::opcode::Opcode;
use super::options::{Options, Privilege, Resend};
use super::outside;
use super::place::Place;
use super::port::Port;
use super::slot::{Hold, Slot};
use super::sockets::Sockets;
use super::suite::{CipherSuite, Suites};
use super::transport::Transport;

/// So many new sessions for one request; a BMC that loses more of them is ill.
const RENEWALS: u32 = 2;

/// The session with one BMC, whichever it is just now.
#[derive(Debug)]
pub(super) struct KeptSession {
    sockets: Sockets,
    addr: SocketAddr,
    credentials: Credentials,
    options: Options,
    slot: Arc<Slot>,
    /// The suite of the last session, so that the next one needs not ask.
    suite: Mutex<Option<CipherSuite>>,
}

impl KeptSession {
    pub(super) fn new(sockets: Sockets, addr: SocketAddr, credentials: Credentials, options: Options) -> Self {
        Self { sockets, addr, credentials, options, slot: Arc::default(), suite: Mutex::new(None) }
    }

    async fn connect_with(&self, options: Options) -> Result<IpmiClient, IpmiError> {
        IpmiClient::connect(&self.sockets, self.addr, &self.credentials, options).await
    }

    fn known_suite(&self) -> MutexGuard<'_, Option<CipherSuite>> {
        self.suite.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for KeptSession {
    fn place(&self) -> Place {
        self.addr.into()
    }

    /// Sends a request and gives the data of its reply.
    ///
    /// When the BMC has lost the session, the request is repeated in a new one, if it may be sent again or was not
    /// sent yet.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "ipmi", server = %self.addr, action = %opcode))]
    async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError> {
        let mut renewed = 0;
        loop {
            let client = self.slot.client_or(|| self.connect()).await?;
            let error = match client.request(opcode, data, resend).await {
                Err(error) if matches!(error.class(), ErrorClass::SessionLost | ErrorClass::Unreachable) => error,
                other => return other,
            };
            self.slot.give_up(&client).await;
            let may_repeat = resend == Resend::Allowed || !error.may_have_acted();
            if error.class() != ErrorClass::SessionLost || !may_repeat || renewed == RENEWALS {
                return Err(error);
            }
            renewed += 1;
            tracing::debug!(bmc = %self.addr, %error, "opening another session");
        }
    }

    /// Sends a request outside of any session and gives the data of its reply.
    async fn ask_outside(&self, command: Opcode, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
        let (addr, started) = (self.place(), Instant::now());
        let socket = |source| IpmiError::Socket { addr, source, may_have_acted: false };
        let mut port = Port::open(&self.sockets, self.addr).map_err(socket)?;
        let deadline = started + self.options.request_deadline;
        let reply = outside::ask(&mut port, command, data, &self.options, deadline).await.map_err(socket)?;
        let Some(reply) = reply else {
            let waited = started.elapsed();
            return Err(IpmiError::Timeout { addr, what: command.to_string(), waited, may_have_acted: false });
        };
        match CompletionCode::failure(reply.completion) {
            None => Ok(reply.data),
            Some(code) => Err(IpmiError::Completion { addr, command, code }),
        }
    }

    async fn close(&self) {
        self.slot.close().await;
    }

    async fn forget(&self) {
        self.slot.forget().await;
    }

    /// A new session, which its caller closes.
    async fn connect(&self) -> Result<IpmiClient, IpmiError> {
        let known = *self.known_suite();
        let opened = match (self.options.suites, known) {
            (Suites::Best, Some(suite)) => match self.connect_with(self.options.with_suite(suite)).await {
                // Somebody has disabled it since.
                Err(IpmiError::SuiteRefused { .. }) => self.connect_with(self.options).await,
                other => other,
            },
            _ => self.connect_with(self.options).await,
        };
        *self.known_suite() = opened.as_ref().ok().map(IpmiClient::suite).or(known);
        opened
    }

    /// Whether somebody may log in; costs a failed login where not.
    async fn lets_in(&self, credentials: &Credentials) -> Result<bool, IpmiError> {
        let options = self.options.with_privilege(Privilege::User);
        match IpmiClient::connect(&self.sockets, self.addr, credentials, options).await {
            Ok(client) => client.close().await.map(|()| true),
            Err(IpmiError::AuthenticationFailed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.slot.hold())
    }
}
