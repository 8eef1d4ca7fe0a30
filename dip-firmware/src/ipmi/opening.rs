//! The opening of a session over UDP: repeats what is lost, begins again when it got mixed up, names every refusal.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, sleep};

use super::credentials::Credentials;
use super::error::{ErrorClass, IpmiError};
use super::handshake::{End, Handshake, Nonces, Progress};
use super::link::Link;
use super::offers;
use super::opcode::Opcode;
use super::options::{Options, Resend};
use super::port::Port;
use super::rakp::{RakpStatus, RakpStep};
use super::random::random;
use super::session::Session;
use super::sockets::Sockets;
use super::suite::{CipherSuite, Suites};

/// How often one message of the opening is sent before the opening starts from the beginning: a BMC that has gone on
/// to the next stage ignores repetitions.
const SENDS_OF_ONE_MESSAGE: u32 = 2;
/// How often an opening that the BMC broke off is tried: a repeated datagram can confuse a BMC, a wrong code should
/// not lock the account.
const BROKEN_OFF: u32 = 3;

/// A session being opened.
pub(super) struct Opening<'a> {
    pub(super) sockets: &'a Sockets,
    pub(super) peer: SocketAddr,
    pub(super) credentials: &'a Credentials,
    pub(super) options: &'a Options,
    pub(super) started: Instant,
}

impl Opening<'_> {
    pub(super) async fn run(&self) -> Result<(Link, CipherSuite), IpmiError> {
        let deadline = self.started + self.options.connect_deadline;
        let mut port = self.port()?;
        let mut left = self.suites(&mut port, deadline).await?.into_iter().peekable();
        while let Some(suite) = left.next() {
            match self.open(port, suite, deadline).await {
                Ok(link) => return Ok((link, suite)),
                // It lists a suite that it does not agree to, or does not list any.
                Err(IpmiError::SuiteRefused { .. }) if left.peek().is_some() => port = self.port()?,
                Err(error) => return Err(error),
            }
        }
        Err(self.suite_refused(None))
    }

    async fn suites(&self, port: &mut Port, deadline: Instant) -> Result<Vec<CipherSuite>, IpmiError> {
        match self.options.suites {
            Suites::Only(suite) => Ok(vec![suite]),
            Suites::Best => offers::candidates(port, self.options, deadline)
                .await
                .map_err(|source| self.socket(source))?
                .map_err(|_| self.suite_refused(None)),
        }
    }

    async fn open(&self, mut port: Port, suite: CipherSuite, deadline: Instant) -> Result<Link, IpmiError> {
        let mut broken_off = 0;
        loop {
            let error = match self.shake_hands(&mut port, suite, deadline).await {
                Ok((session, Ending::Clean)) => return Ok(Link::new(port, session, self.credentials.user())),
                Ok((session, Ending::Repeated)) => {
                    let mut link = Link::new(port, session, self.credentials.user());
                    match self.prove(&mut link, deadline).await {
                        Ok(()) => return Ok(link),
                        Err(error) if matches!(error.class(), ErrorClass::Unreachable | ErrorClass::SessionLost) => {
                            drop(link);
                            port = self.port()?;
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
                    port.renew();
                    error
                }
                Err(Failure::Silent(step)) => {
                    port.renew();
                    self.silent(&mut port, step)
                }
            };
            if Instant::now() >= deadline {
                return Err(error);
            }
            tracing::debug!(bmc = %self.peer, %error, "opening of a session starts again");
        }
    }

    fn port(&self) -> Result<Port, IpmiError> {
        Port::open(self.sockets, self.peer).map_err(|source| self.socket(source))
    }

    fn socket(&self, source: io::Error) -> IpmiError {
        IpmiError::Socket { addr: self.peer.into(), source, may_have_acted: false }
    }

    async fn shake_hands(
        &self,
        port: &mut Port,
        suite: CipherSuite,
        deadline: Instant,
    ) -> Result<(Session, Ending), Failure> {
        let socket = |source| Failure::Final(self.socket(source));
        let mut handshake = Handshake::new(self.credentials, self.options.privilege, suite, nonces(port.session()));
        let mut sends = 0;
        loop {
            if sends == SENDS_OF_ONE_MESSAGE || Instant::now() >= deadline {
                return Err(Failure::Silent(handshake.step()));
            }
            port.send(&handshake.datagram()).await.map_err(socket)?;
            sends += 1;
            let until = deadline.min(Instant::now() + self.options.resend_after);
            while let Some(datagram) = port.receive(until).await.map_err(socket)? {
                match handshake.receive(&datagram) {
                    Progress::Ignored => {}
                    Progress::Advanced => {
                        sends = 0;
                        break;
                    }
                    Progress::Established(session) => {
                        return Ok((session, if sends == 1 { Ending::Clean } else { Ending::Repeated }));
                    }
                    Progress::Ended(end) => return Err(self.failure(port, suite, end)),
                }
            }
        }
    }

    /// Asks something harmless in the new session.
    async fn prove(&self, link: &mut Link, deadline: Instant) -> Result<(), IpmiError> {
        let remaining = deadline.saturating_duration_since(Instant::now()).max(self.options.resend_after);
        let options = Options { request_deadline: self.options.request_deadline.min(remaining), ..*self.options };
        link.request(self.peer, &options, Opcode::GET_DEVICE_ID, &[], Resend::Allowed).await.map(drop)
    }

    fn failure(&self, port: &Port, suite: CipherSuite, end: End) -> Failure {
        let addr = self.peer.into();
        match end {
            End::WrongPassword { farewell } => {
                port.send_now(&farewell);
                Failure::Final(self.authentication_failed("the password is not the one that the BMC has"))
            }
            End::WrongSessionKey => {
                Failure::Final(self.authentication_failed("the BMC uses a key of its own (K_G) that was not given"))
            }
            End::OtherSuite => Failure::Final(self.suite_refused(Some(suite))),
            End::Refused(RakpStep::Rakp1, RakpStatus::UNAUTHORIZED_NAME) => {
                Failure::Final(self.authentication_failed("the BMC has no such user"))
            }
            End::Refused(_, status) if status.is_about_privilege() => Failure::Final(self.privilege_refused()),
            End::Refused(_, status) if status.is_about_suite() => Failure::Final(self.suite_refused(Some(suite))),
            // The BMC has proved that it has our password, so a wrong code means that it answered RAKP message 1 twice.
            End::Refused(step, status) => Failure::BrokenOff(IpmiError::HandshakeRefused { addr, step, status }),
        }
    }

    fn silent(&self, port: &mut Port, step: RakpStep) -> IpmiError {
        let (addr, waited) = (self.peer.into(), self.started.elapsed());
        if port.is_refused() {
            IpmiError::PortClosed { addr, waited, may_have_acted: false }
        } else {
            IpmiError::Timeout { addr, what: step.to_string(), waited, may_have_acted: false }
        }
    }

    fn authentication_failed(&self, reason: &'static str) -> IpmiError {
        IpmiError::AuthenticationFailed { addr: self.peer.into(), user: self.credentials.user().to_owned(), reason }
    }

    fn privilege_refused(&self) -> IpmiError {
        IpmiError::PrivilegeRefused { addr: self.peer.into(), user: self.credentials.user().to_owned() }
    }

    fn suite_refused(&self, suite: Option<CipherSuite>) -> IpmiError {
        IpmiError::SuiteRefused { addr: self.peer.into(), suite }
    }
}

/// How the last message of an opening got through.
enum Ending {
    Clean,
    /// It was sent again: a BMC that took the second one for another opening has dropped the session already.
    Repeated,
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

fn nonces(console_session: u32) -> Nonces {
    let [tag] = random();
    Nonces { console_session, random: random(), tag }
}
