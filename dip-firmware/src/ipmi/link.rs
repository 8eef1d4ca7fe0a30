//! A session on its socket: one request at a time, with retransmission, a deadline, and the search for lost sessions.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::commands::{self, CloseSession, SetSessionPrivilege};
use super::completion::CompletionCode;
use super::error::{ErrorClass, IpmiError};
use super::opcode::Opcode;
use super::options::{Options, Privilege, Resend};
use super::port::Port;
use super::random::random;
use super::rmcp::{self, Packet, PayloadType};
use super::session::{Session, Ticket};
use super::wire::{self, Reply, RequestSequence};

/// A socket and the session that lives on it.
pub(super) struct Link {
    port: Port,
    session: Session,
    user: String,
    level: Privilege,
    lost: bool,
}

impl Link {
    /// A session of `user` that was just opened.
    pub(super) fn new(port: Port, session: Session, user: &str) -> Self {
        // Whatever it may be raised to, a new session has the privilege "user" (§22.18).
        Self { port, session, user: user.to_owned(), level: Privilege::User, lost: false }
    }

    /// Closes the session; one that the BMC has lost is closed.
    pub(super) async fn close(&mut self, peer: SocketAddr, options: &Options) -> Result<(), IpmiError> {
        let session = self.session.bmc_session();
        let (opcode, message) = commands::encode(CloseSession { session });
        let result = self.request(peer, options, opcode, message.data(), Resend::Allowed).await;
        // Closed or lost: nothing is left to say goodbye to.
        self.lost = true;
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.class() == ErrorClass::SessionLost => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends a payload of any type, once.
    pub(super) async fn send(&mut self, kind: PayloadType, payload: &[u8]) -> io::Result<()> {
        let datagram = self.session.seal_payload(kind, payload, random());
        self.port.send(&datagram).await
    }

    /// The BMC's number of the session.
    pub(super) fn bmc_session(&self) -> u32 {
        self.session.bmc_session()
    }

    /// Sends a request, once, without waiting for its answer.
    pub(super) async fn ask(&mut self, opcode: Opcode, data: &[u8]) -> io::Result<()> {
        let ticket = self.session.ticket(opcode);
        let datagram = self.session.seal(ticket, data, random());
        self.port.send(&datagram).await
    }

    /// The next payload of the session, however long that takes. May be cancelled without loss.
    pub(super) async fn receive(&mut self) -> io::Result<(PayloadType, Vec<u8>)> {
        loop {
            let datagram = self.port.next().await?;
            if let Some(payload) = self.session.open_payload(&datagram) {
                return Ok(payload);
            }
        }
    }

    /// Sends a request until it is answered; "node busy" is no answer. The session is raised before the first command that
    /// needs more than it has: who only reads saves a round trip, and stays a user.
    pub(super) async fn request(
        &mut self,
        peer: SocketAddr,
        options: &Options,
        opcode: Opcode,
        data: &[u8],
        resend: Resend,
    ) -> Result<Reply, IpmiError> {
        if opcode.needs() > self.level {
            self.raise(peer, options).await?;
        }
        let reply = self.answer(peer, options, opcode, data, resend).await?;
        // This BMC asks for more than others do; it has done nothing.
        if reply.completion == CompletionCode::INSUFFICIENT_PRIVILEGE.value() && self.level < options.privilege {
            self.raise(peer, options).await?;
            return self.answer(peer, options, opcode, data, resend).await;
        }
        Ok(reply)
    }

    /// Raises the session to all that it may have, so that this is asked for once.
    async fn raise(&mut self, peer: SocketAddr, options: &Options) -> Result<(), IpmiError> {
        if options.privilege <= self.level {
            return Ok(());
        }
        let (command, message) = commands::encode(SetSessionPrivilege { privilege: options.privilege });
        let reply = self.answer(peer, options, command, message.data(), Resend::Allowed).await;
        // What it is raised for was not sent yet.
        let reply = reply.map_err(IpmiError::before_the_command)?;
        match CompletionCode::failure(reply.completion) {
            None => {
                self.level = options.privilege;
                Ok(())
            }
            // 80h: not for this user; 81h: above the limit of user or channel; 82h: cannot disable user level.
            Some(code) if matches!(code.value(), 0x80 | 0x81 | 0xD4) => {
                Err(IpmiError::PrivilegeRefused { addr: peer.into(), user: self.user.clone() })
            }
            Some(code) => Err(IpmiError::Completion { addr: peer.into(), command, code }),
        }
    }

    async fn answer(
        &mut self,
        peer: SocketAddr,
        options: &Options,
        opcode: Opcode,
        data: &[u8],
        resend: Resend,
    ) -> Result<Reply, IpmiError> {
        let started = Instant::now();
        let deadline = started + options.request_deadline;
        // What was sent may be on its way still, or done, when we give up.
        let may_have_acted = !opcode.only_reads();
        let mut pause = Duration::from_millis(20);
        loop {
            if self.lost {
                return Err(IpmiError::SessionLost { addr: peer.into(), may_have_acted: false });
            }
            let silence = match self.exchange(options, opcode, data, resend, deadline).await {
                Ok(Ok(reply))
                    if reply.completion == CompletionCode::NODE_BUSY.value() && Instant::now() + pause < deadline =>
                {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    continue;
                }
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(silence)) => silence,
                Err(source) => return Err(IpmiError::Socket { addr: peer.into(), source, may_have_acted }),
            };
            let waited = started.elapsed();
            return Err(match silence {
                Silence::SessionLost => {
                    self.lost = true;
                    IpmiError::SessionLost { addr: peer.into(), may_have_acted }
                }
                Silence::PortClosed => IpmiError::PortClosed { addr: peer.into(), waited, may_have_acted },
                Silence::Complete => {
                    IpmiError::Timeout { addr: peer.into(), what: opcode.to_string(), waited, may_have_acted }
                }
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
    ) -> io::Result<Result<Reply, Silence>> {
        let ticket = self.session.ticket(opcode);
        let mut ping: Option<Ticket> = None;
        let mut probes = Probes::new();
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
                match self.session.open(&datagram) {
                    Some(reply) if ticket.matches(&reply) => return Ok(Ok(reply)),
                    Some(reply) => alive |= ping.is_some_and(|ping| ping.matches(&reply)),
                    None => probes.hear(&datagram),
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
struct Probes {
    sequence: RequestSequence,
    answered: u32,
    /// Those that were sent and not answered: others may probe the same BMC over the same socket.
    open: Vec<RequestSequence>,
}

impl Probes {
    fn new() -> Self {
        let [bits] = random();
        Self { sequence: RequestSequence::from_bits(bits), answered: 0, open: Vec::new() }
    }

    fn datagram(&mut self) -> Vec<u8> {
        self.sequence = self.sequence.next();
        self.open.push(self.sequence);
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
        let Some(place) = self.open.iter().position(|open| *open == reply.sequence) else {
            return;
        };
        if reply.opcode == Opcode::CHANNEL_AUTHENTICATION {
            self.open.swap_remove(place);
            self.answered += 1;
        }
    }
}
