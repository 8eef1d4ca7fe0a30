//! An IPMI session over UDP: opening, requests with retransmission and deadlines, lost sessions, closing.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ipmi_rs_core::connection::IpmiCommand;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::commands::{self, CloseSession, Malformed, SetSessionPrivilege};
use super::completion::CompletionCode;
use super::credentials::Credentials;
use super::error::{ErrorClass, IpmiError};
use super::handshake::{End, Handshake, Nonces, Progress};
use super::opcode::Opcode;
use super::options::{Options, Privilege};
use super::port::Port;
use super::rakp::{RakpStatus, RakpStep};
use super::rmcp::{self, Packet};
use super::session::{Session, Ticket};
use super::wire::{self, Reply, RequestSequence};

/// Whether a request that got no answer may be sent again.
///
/// A repetition carries the same request sequence, by which a BMC *should* know it, but many act on it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// The request does the same when it is done twice.
    Allowed,
    /// The request is sent once; after silence the caller must look at the state.
    Never,
}

/// A session with one BMC. Requests of one session follow each other; the BMC has little memory.
///
/// Dropping the client tells the BMC to close the session, without waiting; [`close`](Self::close) waits.
pub struct IpmiClient {
    peer: SocketAddr,
    options: Options,
    link: Mutex<Link>,
}

impl IpmiClient {
    /// Opens a session and raises it to the privilege in `options`.
    ///
    /// # Errors
    /// [`IpmiError::AuthenticationFailed`] for a wrong user name or password, [`IpmiError::Timeout`] when the BMC is
    /// silent until the deadline, [`IpmiError::PortClosed`] when nobody listens there, [`IpmiError::PrivilegeRefused`]
    /// when the account has less, [`IpmiError::HandshakeRefused`] (class `Busy`) when the BMC has no free session.
    ///
    /// # Cancel safety
    /// A half-open session is left to the BMC's own time-out, 60 s.
    pub async fn connect(peer: SocketAddr, credentials: &Credentials, options: Options) -> Result<Self, IpmiError> {
        let opening = Opening { peer, credentials, options: &options, started: Instant::now() };
        let link = opening.run().await?;
        Ok(Self { peer, options, link: Mutex::new(link) })
    }

    /// The BMC's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends a request and gives the data of its reply, without the completion code.
    ///
    /// "Node busy" is tried again until the deadline: the BMC has done nothing then.
    ///
    /// # Errors
    /// [`IpmiError::Completion`] when the BMC refuses; [`IpmiError::Timeout`], [`IpmiError::PortClosed`] and
    /// [`IpmiError::SessionLost`] when it does not answer: [`IpmiError::may_have_acted`] tells what can be said then.
    ///
    /// # Cancel safety
    /// The request may or may not act; the session stays usable, a late reply is dropped.
    pub async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError> {
        let mut link = self.link.lock().await;
        let reply = link.request(self.peer, &self.options, opcode, data, resend).await?;
        match CompletionCode::failure(reply.completion) {
            None => Ok(reply.data),
            Some(code) => Err(IpmiError::Completion { addr: self.peer, command: opcode, code }),
        }
    }

    /// Runs a typed command.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`IpmiError::Malformed`] when the reply cannot be read.
    pub async fn run<C>(&self, command: C, resend: Resend) -> Result<C::Output, IpmiError>
    where
        C: IpmiCommand,
        C::Error: Into<Malformed>,
    {
        let (opcode, message) = commands::encode(command);
        let data = self.request(opcode, message.data(), resend).await?;
        commands::decode::<C>(self.peer, opcode, &data)
    }

    /// Closes the session.
    ///
    /// # Errors
    /// When the BMC does not confirm it. It closes the session itself after 60 s then.
    pub async fn close(self) -> Result<(), IpmiError> {
        let mut link = self.link.lock().await;
        let session = link.session.bmc_session();
        let (opcode, message) = commands::encode(CloseSession { session });
        let result = link.request(self.peer, &self.options, opcode, message.data(), Resend::Allowed).await;
        // Closed or lost: nothing is left to say goodbye to.
        link.lost = true;
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.class() == ErrorClass::SessionLost => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for IpmiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpmiClient").field("peer", &self.peer).field("options", &self.options).finish_non_exhaustive()
    }
}

/// A socket and the session that lives on it.
struct Link {
    port: Port,
    session: Session,
    lost: bool,
}

impl Link {
    async fn request(
        &mut self,
        peer: SocketAddr,
        options: &Options,
        opcode: Opcode,
        data: &[u8],
        resend: Resend,
    ) -> Result<Reply, IpmiError> {
        let started = Instant::now();
        let deadline = started + options.request_deadline;
        let mut pause = Duration::from_millis(20);
        loop {
            if self.lost {
                return Err(IpmiError::SessionLost { addr: peer, may_have_acted: false });
            }
            let silence = match self.exchange(options, opcode, data, resend, deadline).await {
                Ok(Ok(reply)) if reply.completion == CompletionCode::NODE_BUSY.value() && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    continue;
                }
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(silence)) => silence,
                Err(source) => return Err(IpmiError::Socket { addr: peer, source }),
            };
            let waited = started.elapsed();
            return Err(match silence {
                Silence::SessionLost => {
                    self.lost = true;
                    IpmiError::SessionLost { addr: peer, may_have_acted: true }
                }
                Silence::PortClosed => IpmiError::PortClosed { addr: peer, waited, may_have_acted: true },
                Silence::Complete => IpmiError::Timeout { addr: peer, what: opcode.to_string(), waited, may_have_acted: true },
            });
        }
    }

    /// Sends one request until its reply comes.
    ///
    /// After the first silence a probe goes along outside the session: a BMC that answers the probe and not the
    /// request has lost the session. A request that must not be repeated is accompanied by a harmless one instead,
    /// because the datagram may simply have been lost.
    async fn exchange(
        &mut self,
        options: &Options,
        opcode: Opcode,
        data: &[u8],
        resend: Resend,
        deadline: Instant,
    ) -> std::io::Result<Result<Reply, Silence>> {
        let ticket = self.session.ticket(opcode);
        let mut ping: Option<Ticket> = None;
        let mut probes = Probes::default();
        let mut alive = false;
        let mut first = true;
        loop {
            if first || resend == Resend::Allowed {
                let datagram = self.session.seal(ticket, data, random());
                self.port.send(&datagram).await?;
            } else if !alive {
                let ticket = *ping.get_or_insert_with(|| self.session.ticket(Opcode::GET_DEVICE_ID));
                let datagram = self.session.seal(ticket, &[], random());
                self.port.send(&datagram).await?;
            }
            if !first && !alive {
                self.port.send(&probes.datagram()).await?;
            }
            let until = if alive { deadline } else { deadline.min(Instant::now() + options.resend_after) };
            while let Some(datagram) = self.port.receive(until).await? {
                match self.session.open(datagram) {
                    Some(reply) if ticket.matches(&reply) => return Ok(Ok(reply)),
                    Some(reply) => alive |= ping.is_some_and(|ping| ping.matches(&reply)),
                    None => probes.hear(datagram),
                }
            }
            if !alive && probes.answered >= PROBES_THAT_PROVE {
                return Ok(Err(Silence::SessionLost));
            }
            if Instant::now() >= deadline {
                return Ok(Err(if self.port.is_refused() { Silence::PortClosed } else { Silence::Complete }));
            }
            first = false;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.lost {
            let ticket = self.session.ticket(Opcode::CLOSE_SESSION);
            let session = self.session.bmc_session().to_le_bytes();
            let datagram = self.session.seal(ticket, &session, random());
            self.port.send_now(&datagram);
        }
    }
}

/// Why there was no reply.
enum Silence {
    Complete,
    PortClosed,
    SessionLost,
}

/// So many answers outside the session, and none inside, mean that the session is gone: one lost datagram does not.
const PROBES_THAT_PROVE: u32 = 3;

/// Requests outside the session (Get Channel Authentication Capabilities, §22.13), which any living BMC answers.
#[derive(Default)]
struct Probes {
    sequence: RequestSequence,
    answered: u32,
    heard: Option<RequestSequence>,
}

impl Probes {
    fn datagram(&mut self) -> Vec<u8> {
        self.sequence = self.sequence.next();
        // RMCP+ data, the channel we come in by; privilege user.
        let message = wire::encode_request(Opcode::CHANNEL_AUTHENTICATION, self.sequence, &[0x8E, 0x02]);
        rmcp::encode_sessionless(&message)
    }

    fn hear(&mut self, datagram: &[u8]) {
        let Some(Packet::Sessionless { payload }) = Packet::decode(datagram) else {
            return;
        };
        let Some(reply) = Reply::decode(payload) else {
            return;
        };
        if reply.opcode == Opcode::CHANNEL_AUTHENTICATION && self.heard != Some(reply.sequence) {
            self.heard = Some(reply.sequence);
            self.answered += 1;
        }
    }
}

/// How often one message of the opening is sent before the opening starts from the beginning: a BMC that has gone on
/// to the next stage ignores repetitions.
const SENDS_OF_ONE_MESSAGE: u32 = 2;
/// How often an opening that the BMC broke off is tried: a repeated datagram can confuse a BMC, a wrong code should
/// not lock the account.
const BROKEN_OFF: u32 = 3;

/// A session being opened.
struct Opening<'a> {
    peer: SocketAddr,
    credentials: &'a Credentials,
    options: &'a Options,
    started: Instant,
}

impl Opening<'_> {
    async fn run(&self) -> Result<Link, IpmiError> {
        let addr = self.peer;
        let deadline = self.started + self.options.connect_deadline;
        let mut port = Port::open(addr).await.map_err(|source| IpmiError::Socket { addr, source })?;
        let mut broken_off = 0;
        loop {
            let error = match self.shake_hands(&mut port, deadline).await {
                Ok(session) => {
                    let mut link = Link { port, session, lost: false };
                    match self.raise_privilege(&mut link, deadline).await {
                        Ok(()) => return Ok(link),
                        // The BMC never saw our last message, or lost its own: begin again on a new socket.
                        Err(error) if matches!(error.class(), ErrorClass::Unreachable | ErrorClass::SessionLost) => {
                            drop(link);
                            port = Port::open(addr).await.map_err(|source| IpmiError::Socket { addr, source })?;
                            error
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::BrokenOff(error)) => {
                    broken_off += 1;
                    if broken_off == BROKEN_OFF {
                        return Err(error);
                    }
                    sleep(self.options.resend_after.min(deadline.saturating_duration_since(Instant::now()))).await;
                    error
                }
                Err(Failure::Silent(step)) => self.silent(&port, step),
            };
            if Instant::now() >= deadline {
                return Err(error);
            }
            tracing::debug!(bmc = %addr, %error, "opening of a session starts again");
        }
    }

    async fn shake_hands(&self, port: &mut Port, deadline: Instant) -> Result<Session, Failure> {
        let addr = self.peer;
        let socket = |source| Failure::Final(IpmiError::Socket { addr, source });
        let mut handshake = Handshake::new(self.credentials, self.options, nonces());
        let mut sends = 0;
        loop {
            if sends == SENDS_OF_ONE_MESSAGE || Instant::now() >= deadline {
                return Err(Failure::Silent(handshake.step()));
            }
            port.send(&handshake.datagram()).await.map_err(socket)?;
            sends += 1;
            let until = deadline.min(Instant::now() + self.options.resend_after);
            while let Some(datagram) = port.receive(until).await.map_err(socket)? {
                match handshake.receive(datagram) {
                    Progress::Ignored => {}
                    Progress::Advanced => {
                        sends = 0;
                        break;
                    }
                    Progress::Established(session) => return Ok(session),
                    Progress::Ended(end) => return Err(self.failure(port, end)),
                }
            }
        }
    }

    async fn raise_privilege(&self, link: &mut Link, deadline: Instant) -> Result<(), IpmiError> {
        // A new session has the privilege "user" (§22.18).
        if self.options.privilege == Privilege::User {
            return Ok(());
        }
        let (command, message) = commands::encode(SetSessionPrivilege { privilege: self.options.privilege });
        let remaining = deadline.saturating_duration_since(Instant::now()).max(self.options.resend_after);
        let options = Options { request_deadline: self.options.request_deadline.min(remaining), ..*self.options };
        let reply = link.request(self.peer, &options, command, message.data(), Resend::Allowed).await?;
        match CompletionCode::failure(reply.completion) {
            None => Ok(()),
            // 80h: not for this user; 81h: above the limit of user or channel; 82h: cannot disable user level.
            Some(code) if matches!(code.value(), 0x80 | 0x81 | 0xD4) => Err(self.privilege_refused()),
            Some(code) => Err(IpmiError::Completion { addr: self.peer, command, code }),
        }
    }

    fn failure(&self, port: &Port, end: End) -> Failure {
        let addr = self.peer;
        match end {
            End::WrongPassword { farewell } => {
                port.send_now(&farewell);
                Failure::Final(self.authentication_failed("the password is not the one that the BMC has"))
            }
            End::WrongSessionKey => {
                Failure::Final(self.authentication_failed("the BMC uses a key of its own (K_G) that was not given"))
            }
            End::OtherSuite => Failure::Final(self.suite_refused()),
            End::Refused(RakpStep::Rakp1, RakpStatus::UNAUTHORIZED_NAME) => {
                Failure::Final(self.authentication_failed("the BMC has no such user"))
            }
            End::Refused(_, status) if status.is_about_privilege() => Failure::Final(self.privilege_refused()),
            End::Refused(_, status) if status.is_about_suite() => Failure::Final(self.suite_refused()),
            // The BMC has proved that it has our password, so a wrong code means that it answered RAKP message 1 twice.
            End::Refused(step, status) => Failure::BrokenOff(IpmiError::HandshakeRefused { addr, step, status }),
        }
    }

    fn silent(&self, port: &Port, step: RakpStep) -> IpmiError {
        let (addr, waited) = (self.peer, self.started.elapsed());
        if port.is_refused() {
            IpmiError::PortClosed { addr, waited, may_have_acted: false }
        } else {
            IpmiError::Timeout { addr, what: step.to_string(), waited, may_have_acted: false }
        }
    }

    fn authentication_failed(&self, reason: &'static str) -> IpmiError {
        IpmiError::AuthenticationFailed { addr: self.peer, user: self.credentials.user().to_owned(), reason }
    }

    fn privilege_refused(&self) -> IpmiError {
        IpmiError::PrivilegeRefused { addr: self.peer, user: self.credentials.user().to_owned() }
    }

    fn suite_refused(&self) -> IpmiError {
        IpmiError::SuiteRefused { addr: self.peer, suite: self.options.suite.number() }
    }
}

/// Why an opening did not end in a session.
enum Failure {
    /// Trying again does not help.
    Final(IpmiError),
    /// The BMC ended it, perhaps because datagrams were lost or doubled.
    BrokenOff(IpmiError),
    /// No answer to this message.
    Silent(RakpStep),
}

fn nonces() -> Nonces {
    let [tag] = random();
    // Zero is the id of "no session".
    let console_session = u32::from_le_bytes(random()).max(1);
    Nonces { console_session, random: random(), tag }
}

/// Bytes that nobody can guess: session ids, RAKP numbers and initialisation vectors.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipmi::chassis::GetChassisStatus;
    use crate::ipmi::responder::{PASSWORD, Quirk, Responder, USER};
    use crate::ipmi::suite::CipherSuite;

    fn options() -> Options {
        Options::default()
            .with_resend_after(Duration::from_millis(50))
            .with_deadlines(Duration::from_millis(500), Duration::from_secs(1))
    }

    async fn connect(responder: &Responder, options: Options) -> Result<IpmiClient, IpmiError> {
        let credentials = Credentials::new(USER, PASSWORD).expect("short enough");
        IpmiClient::connect(responder.addr(), &credentials, options).await
    }

    async fn refusal(quirk: Quirk) -> IpmiError {
        let responder = Responder::start(CipherSuite::C3, quirk).await;
        connect(&responder, options()).await.expect_err("it refuses")
    }

    #[tokio::test]
    async fn suite_17_works_as_suite_3_does() {
        for suite in [CipherSuite::C3, CipherSuite::C17] {
            let responder = Responder::start(suite, Quirk::None).await;
            let client = connect(&responder, options().with_suite(suite)).await.expect("it connects");
            client.run(GetChassisStatus, Resend::Allowed).await.expect("it answers");
            client.close().await.expect("it confirms");
        }
    }

    #[tokio::test]
    async fn a_bmc_without_the_suite_is_named_as_such() {
        for (offered, asked) in [(CipherSuite::C17, CipherSuite::C3), (CipherSuite::C3, CipherSuite::C17)] {
            let responder = Responder::start(offered, Quirk::None).await;
            let error = connect(&responder, options().with_suite(asked)).await.expect_err("it refuses");
            assert!(matches!(error, IpmiError::SuiteRefused { suite, .. } if suite == asked.number()), "{error:?}");
            assert_eq!(error.class(), ErrorClass::Unsupported);
        }
        assert!(matches!(refusal(Quirk::ChoosesOtherSuite).await, IpmiError::SuiteRefused { .. }));
    }

    #[tokio::test]
    async fn an_account_without_the_privilege_is_denied() {
        for quirk in [Quirk::RefusesPrivilege, Quirk::RefusesRole] {
            let error = refusal(quirk).await;
            assert!(matches!(error, IpmiError::PrivilegeRefused { .. }), "{quirk:?}: {error:?}");
            assert_eq!(error.class(), ErrorClass::Denied);
        }
    }

    #[tokio::test]
    async fn a_key_of_the_bmc_itself_is_named() {
        let error = refusal(Quirk::OwnKey).await;
        assert!(matches!(error, IpmiError::AuthenticationFailed { .. }), "{error:?}");
        assert!(error.to_string().contains("K_G"), "{error}");
    }

    #[tokio::test]
    async fn a_bmc_without_a_free_session_is_busy_and_asked_again() {
        let error = refusal(Quirk::NoFreeSession(u32::MAX)).await;
        assert!(matches!(error, IpmiError::HandshakeRefused { step: RakpStep::OpenSession, .. }), "{error:?}");
        assert_eq!(error.class(), ErrorClass::Busy);
        let responder = Responder::start(CipherSuite::C3, Quirk::NoFreeSession(2)).await;
        connect(&responder, options()).await.expect("at the third time one is free");
    }

    #[tokio::test]
    async fn an_opening_that_got_mixed_up_begins_again() {
        for quirk in [Quirk::RefusesRakp3(2), Quirk::SilentAfterRakp3(2)] {
            let responder = Responder::start(CipherSuite::C3, quirk).await;
            connect(&responder, options()).await.expect("the next opening is right");
        }
    }

    #[tokio::test]
    async fn node_busy_is_asked_again_until_the_deadline() {
        let responder = Responder::start(CipherSuite::C3, Quirk::NodeBusy(3)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        // It has done nothing when it says so: even what must not be repeated is asked again.
        client.run(GetChassisStatus, Resend::Never).await.expect("the fourth time it answers");
        let responder = Responder::start(CipherSuite::C3, Quirk::NodeBusy(u32::MAX)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("it stays busy");
        assert!(matches!(error, IpmiError::Completion { code: CompletionCode::NODE_BUSY, .. }), "{error:?}");
        assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::Busy, false));
    }

    #[tokio::test]
    async fn a_short_reply_is_malformed() {
        let responder = Responder::start(CipherSuite::C3, Quirk::ShortReplies).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("it is too short");
        assert!(matches!(error, IpmiError::Malformed { command: Opcode::CHASSIS_STATUS, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_repetition_keeps_its_request_sequence_and_one_that_must_not_be_is_sent_once() {
        let responder = Responder::start(CipherSuite::C3, Quirk::DeafTo(Opcode::CHASSIS_CONTROL)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.request(Opcode::CHASSIS_CONTROL, &[1], Resend::Allowed).await.expect_err("it is deaf to it");
        assert!(error.may_have_acted(), "{error:?}");
        let heard = responder.heard(Opcode::CHASSIS_CONTROL);
        assert!(heard.len() > 1 && heard.iter().all(|sequence| *sequence == heard[0]), "{heard:?}");
        let client = connect(&responder, options()).await.expect("it connects");
        responder.forget();
        let error = client.request(Opcode::CHASSIS_CONTROL, &[3], Resend::Never).await.expect_err("it is deaf to it");
        assert!(matches!(error, IpmiError::Timeout { may_have_acted: true, .. }), "the session lives: {error:?}");
        assert_eq!(responder.heard(Opcode::CHASSIS_CONTROL).len(), 1);
        client.run(GetChassisStatus, Resend::Allowed).await.expect("the session lives on");
    }
}
