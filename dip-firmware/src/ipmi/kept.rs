//! A session that is opened when it is needed, kept while it is used, and renewed when the BMC has lost it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipmi_rs_core::connection::IpmiCommand;
use tokio::time::Instant;

use super::client::IpmiClient;
use super::commands::{self, Malformed};
use super::completion::CompletionCode;
use super::credentials::Credentials;
use super::error::{ErrorClass, IpmiError};
use super::opcode::Opcode;
use super::options::{Options, Privilege, Resend};
use super::outside;
use super::port::Port;
use super::slot::{Hold, Slot};
use super::sockets::Sockets;
use super::suite::{CipherSuite, Suites};

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

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The error for a reply that has not the form that the specification gives.
    pub(super) fn malformed(&self, command: Opcode, what: &'static str) -> IpmiError {
        IpmiError::Malformed { addr: self.addr, command, what }
    }

    /// Closes the session, if one is open.
    pub(super) async fn close(&self) {
        self.slot.close().await;
    }

    /// Drops the session that is kept: the BMC restarts, and would not answer a farewell.
    pub(super) async fn forget(&self) {
        self.slot.forget().await;
    }

    /// Keeps the session alive for as long as the hold lives.
    pub(super) fn hold(&self) -> Hold {
        self.slot.hold()
    }

    /// Runs a typed command.
    pub(super) async fn run<C>(&self, command: C, resend: Resend) -> Result<C::Output, IpmiError>
    where
        C: IpmiCommand,
        C::Error: Into<Malformed>,
    {
        let (opcode, message) = commands::encode(command);
        let data = self.request(opcode, message.data(), resend).await?;
        commands::decode::<C>(self.addr, opcode, &data)
    }

    /// Sends a request outside of any session and gives the data of its reply.
    pub(super) async fn ask_outside(&self, command: Opcode, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
        let (addr, started) = (self.addr, Instant::now());
        let socket = |source| IpmiError::Socket { addr, source, may_have_acted: false };
        let mut port = Port::open(&self.sockets, addr).map_err(socket)?;
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

    /// Sends a request and gives the data of its reply.
    ///
    /// When the BMC has lost the session, the request is repeated in a new one, if it may be sent again or was not
    /// sent yet.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "ipmi", server = %self.addr, action = %opcode))]
    pub(super) async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError> {
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

    /// A new session, which its caller closes.
    pub(super) async fn connect(&self) -> Result<IpmiClient, IpmiError> {
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
    pub(super) async fn lets_in(&self, credentials: &Credentials) -> Result<bool, IpmiError> {
        let options = self.options.with_privilege(Privilege::User);
        match IpmiClient::connect(&self.sockets, self.addr, credentials, options).await {
            Ok(client) => client.close().await.map(|()| true),
            Err(IpmiError::AuthenticationFailed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn connect_with(&self, options: Options) -> Result<IpmiClient, IpmiError> {
        IpmiClient::connect(&self.sockets, self.addr, &self.credentials, options).await
    }

    fn known_suite(&self) -> MutexGuard<'_, Option<CipherSuite>> {
        self.suite.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
