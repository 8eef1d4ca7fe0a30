//! The task between a console's caller and its BMC: one packet at a time each way, keep-alive, and the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::client::IpmiClient;
use super::console::{DEACTIVATE, SOL_1};
use super::error::{ErrorClass, IpmiError};
use super::link::Link;
use super::opcode::Opcode;
use super::options::{Options, Resend};
use super::rmcp::PayloadType;
use super::sol::{SolNews, SolPacket, SolState};
use super::wire::Reply;

/// BMCs close a session after 60 s without a request (§6.12.15); and those that do not say when somebody else takes the console
/// are asked whose it is.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Get Payload Instance Info (§24.5): the session that has the console.
const WHOSE: Opcode = Opcode::raw(0x06, 0x4B);
/// So long may a BMC be silent that is asked all the while.
const SILENCE: Duration = Duration::from_secs(45);

/// What a console shares with its task.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) wants_break: Arc<Notify>,
    /// The sequence of the last packet, for the console that comes next.
    pub(super) sequence: Arc<AtomicU8>,
}

/// A console's session and the BMC's end of the caller's pipe.
pub(super) struct Pump {
    peer: SocketAddr,
    options: Options,
    link: Link,
    state: SolState,
    from_caller: ReadHalf<DuplexStream>,
    to_caller: WriteHalf<DuplexStream>,
    shared: Line,
    /// The caller writes no more.
    is_closed: bool,
    /// When the packet on its way is sent again.
    again: Instant,
    keep_alive: Instant,
    heard: Instant,
    /// Since when a packet is on its way without any sign of the BMC.
    waiting: Option<Instant>,
}

/// What the pump woke up for.
enum Woken {
    Written(io::Result<usize>),
    Fetched(io::Result<usize>),
    Heard(io::Result<Heard>),
    Break,
    Again,
    KeepAlive,
}

/// What the BMC said.
enum Heard {
    Packet(SolPacket),
    /// This session has the console, which zero says of nobody's.
    Owner(u32),
    /// Only that it lives.
    Life,
}

impl Heard {
    fn read(kind: PayloadType, payload: &[u8]) -> Self {
        if kind == PayloadType::Sol {
            return SolPacket::decode(payload).map_or(Self::Life, Self::Packet);
        }
        match Reply::decode(payload) {
            Some(reply) if reply.opcode == WHOSE && reply.completion == 0 => {
                reply.data.first_chunk().map_or(Self::Life, |owner| Self::Owner(u32::from_le_bytes(*owner)))
            }
            _ => Self::Life,
        }
    }
}

impl Pump {
    pub(super) fn new(client: IpmiClient, limit: u16, pipe: DuplexStream, shared: Line) -> Self {
        let (peer, options, link) = client.into_link();
        let (from_caller, to_caller) = tokio::io::split(pipe);
        let now = Instant::now();
        Self {
            peer,
            options,
            link,
            state: SolState::new(limit, shared.sequence.load(Ordering::Relaxed)),
            from_caller,
            to_caller,
            shared,
            is_closed: false,
            again: now,
            keep_alive: now + KEEP_ALIVE,
            heard: now,
            waiting: None,
        }
    }

    /// Carries characters until the caller lets go, the BMC ends the console, or it cannot be reached.
    pub(super) async fn run(mut self) -> Result<(), IpmiError> {
        let mut buffer = [0; 256];
        while !(self.is_closed && self.state.is_flushed()) {
            if !self.state.is_waiting() {
                self.waiting = None;
                self.send_pending().await?;
            }
            match self.wait(&mut buffer).await {
                Woken::Written(Ok(0) | Err(_)) => self.is_closed = true,
                Woken::Written(Ok(count)) => self.state.write(&buffer[..count]),
                Woken::Fetched(fetched) => {
                    // Who lets go of the reading end gets nothing more; the BMC shall not wait for that.
                    let count = fetched.unwrap_or_else(|_| self.state.unread().len());
                    if let Some(packet) = self.state.fetched(count) {
                        self.send(&packet).await?;
                    }
                }
                Woken::Heard(heard) => {
                    (self.heard, self.waiting) = (Instant::now(), None);
                    match heard.map_err(|source| self.socket(source))? {
                        Heard::Packet(packet) => match self.state.receive(&packet) {
                            SolNews::Answer(answer) => self.send(&answer).await?,
                            SolNews::Deactivated => return self.link.close(self.peer, &self.options).await,
                            SolNews::Nothing => {}
                        },
                        Heard::Owner(session) if session != self.link.bmc_session() => {
                            return self.link.close(self.peer, &self.options).await;
                        }
                        Heard::Owner(_) | Heard::Life => {}
                    }
                }
                Woken::Break => self.state.send_break(),
                Woken::Again => self.send_pending().await?,
                Woken::KeepAlive => self.ask_for_life().await?,
            }
        }
        self.give_back().await
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Woken {
        let Self { link, state, from_caller, to_caller, shared, .. } = self;
        tokio::select! {
            heard = link.receive() => Woken::Heard(heard.map(|(kind, payload)| Heard::read(kind, &payload))),
            read = from_caller.read(buffer), if state.takes_more() && !self.is_closed => Woken::Written(read),
            written = to_caller.write(state.unread()), if !state.unread().is_empty() => Woken::Fetched(written),
            () = shared.wants_break.notified() => Woken::Break,
            () = sleep_until(self.again), if state.is_waiting() => Woken::Again,
            () = sleep_until(self.keep_alive) => Woken::KeepAlive,
        }
    }

    /// Sends the packet that waits for its acknowledgement, if there is one.
    async fn send_pending(&mut self) -> Result<(), IpmiError> {
        let Some(packet) = self.state.outgoing().cloned() else { return Ok(()) };
        let now = Instant::now();
        // Refused packets are sent again for as long as the BMC says so; only silence ends it.
        if now - *self.waiting.get_or_insert(now) > self.options.request_deadline {
            return Err(self.silent(self.options.request_deadline));
        }
        self.shared.sequence.store(packet.sequence, Ordering::Relaxed);
        self.again = now + self.options.resend_after;
        self.send(&packet).await
    }

    async fn ask_for_life(&mut self) -> Result<(), IpmiError> {
        if self.heard.elapsed() > SILENCE {
            return Err(self.silent(self.heard.elapsed()));
        }
        self.keep_alive = Instant::now() + KEEP_ALIVE;
        self.link.ask(WHOSE, &SOL_1[..2]).await.map_err(|source| self.socket(source))
    }

    async fn send(&mut self, packet: &SolPacket) -> Result<(), IpmiError> {
        let sent = self.link.send(PayloadType::Sol, &packet.encode()).await;
        sent.map_err(|source| self.socket(source))
    }

    async fn give_back(mut self) -> Result<(), IpmiError> {
        let given = self.link.request(self.peer, &self.options, DEACTIVATE, &SOL_1, Resend::Allowed).await;
        match given {
            // Whatever it says of the payload, it ends with the session.
            Ok(_) => self.link.close(self.peer, &self.options).await,
            Err(error) if error.class() == ErrorClass::SessionLost => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn silent(&self, waited: Duration) -> IpmiError {
        IpmiError::Timeout {
            addr: self.peer.into(),
            what: "the serial console".to_owned(),
            waited,
            may_have_acted: true,
        }
    }

    fn socket(&self, source: io::Error) -> IpmiError {
        IpmiError::Socket { addr: self.peer.into(), source, may_have_acted: true }
    }
}
