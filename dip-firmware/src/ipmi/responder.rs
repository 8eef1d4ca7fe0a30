//! A BMC for tests: the other side of the session layer, with cipher suite 17, which simulators lack, and with the faults that
//! none can be asked for.
//!
//! Its machine is a switch that remembers its state. `ipmitool` and FreeIPMI are asked whether it speaks as the specification says
//! (`tests/ipmi_suite_17.rs`).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::auth::{Exchange, SessionKeys, UserKey};
use super::opcode::Opcode;
use super::options::Privilege;
use super::rmcp::{self, Packet, PayloadType};
use super::seal;
use super::suite::{Algorithms, CipherSuite};
use super::wire::{self, RequestSequence};

/// The only user of every responder.
pub const USER: &str = "admin";
/// Its password.
pub const PASSWORD: &str = "secret";
/// Without a request for so long a session is closed: the shortest that a BMC may wait (§6.12.15).
const PATIENCE: Duration = Duration::from_secs(57);
const SET_BOOT_OPTIONS: Opcode = Opcode::raw(0x00, 0x08);
const GET_BOOT_OPTIONS: Opcode = Opcode::raw(0x00, 0x09);
const BMC_SESSION: u32 = 0x0B0C_0D0E;
const BMC_RANDOM: [u8; 16] = *b"not so random...";
const GUID: [u8; 16] = *b"a responder guid";

/// What a responder does wrong; a number is how often.
#[derive(Clone, Copy, Debug)]
pub enum Quirk {
    /// Nothing.
    None,
    /// It agrees to algorithms that nobody proposed.
    ChoosesOtherSuite,
    /// It does not answer this.
    DeafTo(Opcode),
    /// It lists a suite that it does not agree to.
    ListsMore(CipherSuite),
    /// It has no session to give.
    NoFreeSession(u32),
    /// It is too busy to tell the chassis status.
    NodeBusy(u32),
    /// It asks for an operator where the specification asks for a user.
    OperatorsOnly,
    /// It has a session key of its own.
    OwnKey,
    /// It does not raise the privilege of a session.
    RefusesPrivilege,
    /// It takes a right proof for a wrong one.
    RefusesRakp3(u32),
    /// It does not give the user the role.
    RefusesRole,
    /// It cuts the chassis status.
    ShortReplies,
    /// It does not confirm the last message of an opening.
    SilentAfterRakp3(u32),
    /// It does not know Get Channel Cipher Suites.
    TellsNoSuites,
    /// Its maker's machines know a disk with UEFI as the primary remote media.
    UefiDiskIsRemoteMedia,
}

/// A BMC on a free port of 127.0.0.1; it ends when it is dropped.
#[derive(Debug)]
pub struct Responder {
    addr: SocketAddr,
    #[cfg_attr(not(test), expect(dead_code, reason = "only the tests of the session layer ask for it"))]
    heard: Arc<Mutex<Vec<(Opcode, RequestSequence)>>>,
    is_on: Arc<AtomicBool>,
    #[cfg_attr(not(test), expect(dead_code, reason = "only the tests of the session layer ask for it"))]
    sessions: Arc<Sessions>,
    boot_flags: Arc<Mutex<[u8; 5]>>,
    disk: u8,
    task: JoinHandle<()>,
}

/// The session of a responder, as those see it who watch.
#[derive(Debug, Default)]
struct Sessions {
    is_open: AtomicBool,
    openings: AtomicUsize,
}

impl Responder {
    /// Starts a BMC that offers these suites.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(suites: &[CipherSuite], quirk: Quirk) -> Self {
        Self::with_password(suites, quirk, PASSWORD).await
    }

    /// The same, whose user has another password.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn with_password(suites: &[CipherSuite], quirk: Quirk, password: &'static str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let addr = socket.local_addr().expect("it is bound");
        let bmc = Bmc::new(suites, quirk, password);
        let (heard, is_on, sessions) = (Arc::clone(&bmc.heard), Arc::clone(&bmc.is_on), Arc::clone(&bmc.sessions));
        let boot_flags = Arc::clone(&bmc.boot_flags);
        let disk = if matches!(quirk, Quirk::UefiDiskIsRemoteMedia) { 9 } else { 2 };
        Self { addr, heard, is_on, sessions, boot_flags, disk, task: tokio::spawn(serve(socket, bmc)) }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether its machine is on.
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
    }

    /// Whether its machine boots from its disk next, with UEFI.
    ///
    /// # Panics
    /// Where its task has panicked.
    pub fn boots_from_disk(&self) -> bool {
        let [marks, device, ..] = *self.boot_flags.lock().expect("nobody panics with it");
        marks & 0xA0 == 0xA0 && device >> 2 & 0x0F == self.disk
    }

    /// The request sequences of all requests of `opcode` that arrived.
    #[cfg(test)]
    pub(super) fn heard(&self, opcode: Opcode) -> Vec<RequestSequence> {
        let heard = self.heard.lock().expect("nobody panics with it");
        heard.iter().filter(|(other, _)| *other == opcode).map(|(_, sequence)| *sequence).collect()
    }

    /// Whether somebody has a session with it, though it may be idle for too long.
    #[cfg(test)]
    pub(super) fn has_session(&self) -> bool {
        self.sessions.is_open.load(Ordering::SeqCst)
    }

    /// How many sessions were opened.
    #[cfg(test)]
    pub(super) fn openings(&self) -> usize {
        self.sessions.openings.load(Ordering::SeqCst)
    }

    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.heard.lock().expect("nobody panics with it").clear();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A responder without a socket, for what must be the same each time.
#[cfg(test)]
pub(super) struct Rehearsal(Bmc);

#[cfg(test)]
impl Rehearsal {
    pub(super) fn new(suite: CipherSuite) -> Self {
        Self(Bmc::new(&[suite], Quirk::None, PASSWORD))
    }

    pub(super) fn answer(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        self.0.answer(datagram)
    }
}

async fn serve(socket: UdpSocket, mut bmc: Bmc) {
    let mut buffer = [0; 2048];
    while let Ok((len, console)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = bmc.answer(&buffer[..len]) {
            // Who has gone away needs no answer.
            let _ = socket.send_to(&answer, console).await;
        }
    }
}

struct Bmc {
    suites: Vec<CipherSuite>,
    quirk: Quirk,
    password: &'static str,
    heard: Arc<Mutex<Vec<(Opcode, RequestSequence)>>>,
    is_on: Arc<AtomicBool>,
    sessions: Arc<Sessions>,
    boot_flags: Arc<Mutex<[u8; 5]>>,
    opening: Option<Opening>,
    open: Option<Open>,
    sent: u32,
}

/// The session that is open.
struct Open {
    algorithms: Algorithms,
    console_session: u32,
    keys: SessionKeys,
    level: u8,
    used: Instant,
}

struct Opening {
    algorithms: Algorithms,
    console_session: u32,
    console_random: [u8; 16],
    role: u8,
    user: Vec<u8>,
}

impl Bmc {
    fn new(suites: &[CipherSuite], quirk: Quirk, password: &'static str) -> Self {
        let (suites, heard, is_on, sessions) = (suites.to_vec(), Arc::default(), Arc::default(), Arc::default());
        Self {
            suites,
            quirk,
            password,
            heard,
            is_on,
            sessions,
            boot_flags: Arc::default(),
            opening: None,
            open: None,
            sent: 0,
        }
    }

    fn answer(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        match Packet::decode(datagram)? {
            Packet::Sessionless { payload } => {
                let (opcode, sequence, data) = request(payload)?;
                let (completion, told) = self.outside(opcode, data)?;
                Some(rmcp::encode_sessionless(&wire::encode_reply(opcode, sequence, completion, &told)))
            }
            Packet::Plain { kind: PayloadType::OpenSessionRequest, payload } => self.open_session(payload),
            Packet::Plain { kind: PayloadType::Rakp1, payload } => self.rakp1(payload),
            Packet::Plain { kind: PayloadType::Rakp3, payload } => self.rakp3(payload),
            Packet::Plain { .. } => None,
            Packet::Sealed { session, payload, covered_and_code, .. } => {
                if self.open.as_ref().is_some_and(|open| open.used.elapsed() > PATIENCE) {
                    self.end_session();
                }
                let open = self.open.as_mut().filter(|_| session == BMC_SESSION)?;
                let (digest, len) = (open.algorithms.digest, open.algorithms.integrity_code_len);
                let (covered, code) = rmcp::split_code(covered_and_code, payload, len)?;
                if !digest.verify(&open.keys.integrity, &[covered], code) {
                    return None;
                }
                let message = seal::decrypt(&open.keys.confidentiality, payload)?;
                open.used = Instant::now();
                let (opcode, sequence, data) = request(&message)?;
                self.heard.lock().expect("nobody panics with it").push((opcode, sequence));
                let (completion, reply) = self.run(opcode, data)?;
                self.sent += 1;
                let open = self.open.as_ref()?;
                let message = wire::encode_reply(opcode, sequence, completion, &reply);
                let text = seal::encrypt(&open.keys.confidentiality, [7; 16], &message);
                let packet = rmcp::encode_sealed(PayloadType::Ipmi, open.console_session, self.sent, &text);
                let code = digest.code(&open.keys.integrity, &[packet.covered()]);
                if opcode == Opcode::CLOSE_SESSION {
                    self.end_session();
                }
                Some(packet.sign(&code[..len]))
            }
        }
    }

    /// What is answered without a session.
    fn outside(&self, opcode: Opcode, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        match (self.quirk, opcode) {
            // IPMI 2.0 is spoken and nothing older, users have names.
            (_, Opcode::CHANNEL_AUTHENTICATION) => Some((0, vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0])),
            (Quirk::TellsNoSuites, Opcode::GET_CIPHER_SUITES) => Some((0xC1, Vec::new())),
            (quirk, Opcode::GET_CIPHER_SUITES) => {
                let more = if let Quirk::ListsMore(suite) = quirk { Some(suite) } else { None };
                let records = self.suites.iter().copied().chain(more).flat_map(record).collect::<Vec<_>>();
                let from = usize::from(data.get(2)? & 0x3F) * 16;
                let piece = records.iter().skip(from).take(16);
                Some((0, [1].iter().chain(piece).copied().collect()))
            }
            _ => Some((0xC1, Vec::new())),
        }
    }

    fn run(&mut self, opcode: Opcode, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        let needs = match (self.quirk, opcode.needs()) {
            (Quirk::OperatorsOnly, Privilege::User) if opcode == Opcode::CHASSIS_STATUS => Privilege::Operator,
            (_, needs) => needs,
        };
        if self.open.as_ref().is_none_or(|open| open.level < needs.value()) {
            return Some((0xD4, Vec::new()));
        }
        match (&mut self.quirk, opcode) {
            (Quirk::DeafTo(deaf), _) if *deaf == opcode => None,
            (Quirk::RefusesPrivilege, Opcode::SET_PRIVILEGE) => Some((0x81, Vec::new())),
            (Quirk::NodeBusy(times @ 1..), Opcode::CHASSIS_STATUS) => {
                *times -= 1;
                Some((0xC0, Vec::new()))
            }
            (Quirk::ShortReplies, Opcode::CHASSIS_STATUS) => Some((0, vec![1])),
            (_, Opcode::SET_PRIVILEGE) => {
                self.open.as_mut()?.level = *data.first()?;
                Some((0, data.to_vec()))
            }
            (_, Opcode::CHASSIS_STATUS) => Some((0, vec![u8::from(self.is_on.load(Ordering::SeqCst)), 0x10, 0x40])),
            (_, Opcode::CHASSIS_CONTROL) => {
                match data.first()? {
                    0 | 5 => self.is_on.store(false, Ordering::SeqCst),
                    _ => self.is_on.store(true, Ordering::SeqCst),
                }
                Some((0, Vec::new()))
            }
            (Quirk::UefiDiskIsRemoteMedia, Opcode::GET_DEVICE_ID) => {
                // Supermicro's number is 10876.
                Some((0, vec![0x20, 1, 1, 0x34, 0x02, 0xBF, 0x7C, 0x2A, 0, 1, 0]))
            }
            (_, Opcode::GET_DEVICE_ID) => Some((0, vec![0x20; 11])),
            (_, SET_BOOT_OPTIONS) => {
                if let Some((5, flags)) = data.split_first() {
                    *self.boot_flags.lock().expect("nobody panics with it") = *flags.first_chunk()?;
                }
                Some((0, Vec::new()))
            }
            (_, GET_BOOT_OPTIONS) => {
                let flags = *self.boot_flags.lock().expect("nobody panics with it");
                Some((0, [&[1, 5], &flags[..]].concat()))
            }
            (_, Opcode::COLD_RESET) => {
                self.end_session();
                None
            }
            (_, Opcode::CLOSE_SESSION) => Some((0, Vec::new())),
            _ => Some((0xC1, Vec::new())),
        }
    }

    fn end_session(&mut self) {
        self.open = None;
        self.sessions.is_open.store(false, Ordering::SeqCst);
    }

    fn open_session(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let tag = *payload.first()?;
        let console_session = u32::from_le_bytes(*payload.get(4..8)?.first_chunk()?);
        let proposed = [*payload.get(12)?, *payload.get(20)?, *payload.get(28)?];
        let numbers =
            |algorithms: &Algorithms| [algorithms.authentication, algorithms.integrity, algorithms.confidentiality];
        let chosen = self.suites.iter().map(|suite| suite.algorithms()).find(|ours| numbers(ours) == proposed);
        let status = match &mut self.quirk {
            Quirk::NoFreeSession(times @ 1..) => {
                *times -= 1;
                0x01
            }
            _ if chosen.is_none() => 0x11,
            _ => 0,
        };
        let mut answer = vec![tag, status, 4, 0];
        answer.extend(console_session.to_le_bytes());
        if let Some(algorithms) = chosen.filter(|_| status == 0) {
            self.opening = Some(Opening::new(algorithms, console_session));
            answer.extend(BMC_SESSION.to_le_bytes());
            for (kind, algorithm) in (0u8..).zip(proposed) {
                let other = u8::from(matches!(self.quirk, Quirk::ChoosesOtherSuite));
                answer.extend([kind, 0, 0, 8, algorithm + other, 0, 0, 0]);
            }
        }
        Some(rmcp::encode_plain(PayloadType::OpenSessionResponse, &answer))
    }

    fn rakp1(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let opening = self.opening.as_mut()?;
        opening.console_random = *payload.get(8..24)?.first_chunk()?;
        opening.role = *payload.get(24)?;
        opening.user = payload.get(28..)?.to_vec();
        let status = match self.quirk {
            Quirk::RefusesRole => 0x0A,
            _ if opening.user != USER.as_bytes() => 0x0D,
            _ => 0,
        };
        let mut answer = vec![payload[0], status, 0, 0];
        answer.extend(opening.console_session.to_le_bytes());
        if status == 0 {
            answer.extend(BMC_RANDOM);
            answer.extend(GUID);
            answer.extend(opening.exchange().rakp2(opening.algorithms.digest, &UserKey::new(self.password.as_bytes())));
        }
        Some(rmcp::encode_plain(PayloadType::Rakp2, &answer))
    }

    fn rakp3(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let opening = self.opening.take()?;
        let digest = opening.algorithms.digest;
        let exchange = opening.exchange();
        let key = UserKey::new(self.password.as_bytes());
        let mut status = if exchange.rakp3(digest, &key) == payload.get(8..)? { 0 } else { 0x0F };
        match &mut self.quirk {
            Quirk::SilentAfterRakp3(times @ 1..) => {
                *times -= 1;
                return None;
            }
            Quirk::RefusesRakp3(times @ 1..) => {
                *times -= 1;
                status = 0x0F;
            }
            _ => {}
        }
        let own_key = UserKey::new(b"the key of the BMC");
        let session_key =
            exchange.session_key(digest, if matches!(self.quirk, Quirk::OwnKey) { &own_key } else { &key });
        let mut answer = vec![payload[0], status, 0, 0];
        answer.extend(opening.console_session.to_le_bytes());
        if status == 0 {
            answer.extend(exchange.rakp4(opening.algorithms, &session_key));
            let keys = SessionKeys::derive(digest, &session_key);
            let Opening { algorithms, console_session, .. } = opening;
            self.open =
                Some(Open { algorithms, console_session, keys, level: Privilege::User.value(), used: Instant::now() });
            self.sessions.is_open.store(true, Ordering::SeqCst);
            self.sessions.openings.fetch_add(1, Ordering::SeqCst);
            self.sent = 0;
        }
        Some(rmcp::encode_plain(PayloadType::Rakp4, &answer))
    }
}

impl Opening {
    fn new(algorithms: Algorithms, console_session: u32) -> Self {
        Self { algorithms, console_session, console_random: [0; 16], role: 0, user: Vec::new() }
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            console_session: self.console_session,
            bmc_session: BMC_SESSION,
            console_random: &self.console_random,
            bmc_random: &BMC_RANDOM,
            bmc_guid: &GUID,
            role: self.role,
            user: &self.user,
        }
    }
}

/// A suite in the list of Get Channel Cipher Suites (§22.15.2).
fn record(suite: CipherSuite) -> [u8; 5] {
    let Algorithms { authentication, integrity, confidentiality, .. } = suite.algorithms();
    [0xC0, suite.number(), authentication, 0x40 | integrity, 0x80 | confidentiality]
}

/// Opcode, sequence and data of a request.
fn request(message: &[u8]) -> Option<(Opcode, RequestSequence, &[u8])> {
    let [_to, netfn, _sum, _from, sequence, command, data @ .., _last] = message else {
        return None;
    };
    Some((Opcode::raw(netfn >> 2, *command), RequestSequence::from_bits(sequence >> 2), data))
}
