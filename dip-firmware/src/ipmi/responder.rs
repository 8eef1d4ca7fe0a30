//! A BMC for tests: the other side of the session layer, with the faults that no simulator can be asked for.
//!
//! It was checked with `ipmitool -C 3` and `ipmitool -C 17`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::auth::{Exchange, SessionKeys, UserKey};
use super::opcode::Opcode;
use super::rmcp::{self, Packet, PayloadType};
use super::seal;
use super::suite::{Algorithms, CipherSuite};
use super::wire::{self, RequestSequence};

pub(super) const USER: &str = "admin";
pub(super) const PASSWORD: &str = "secret";
const BMC_SESSION: u32 = 0x0B0C_0D0E;
const BMC_RANDOM: [u8; 16] = *b"not so random...";
const GUID: [u8; 16] = *b"a responder guid";

/// What a responder does wrong; a number is how often.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quirk {
    None,
    ChoosesOtherSuite,
    DeafTo(Opcode),
    NoFreeSession(u32),
    NodeBusy(u32),
    OwnKey,
    RefusesPrivilege,
    RefusesRakp3(u32),
    RefusesRole,
    ShortReplies,
    SilentAfterRakp3(u32),
}

pub(super) struct Responder {
    addr: SocketAddr,
    heard: Arc<Mutex<Vec<(Opcode, RequestSequence)>>>,
    task: JoinHandle<()>,
}

impl Responder {
    pub(super) async fn start(suite: CipherSuite, quirk: Quirk) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let addr = socket.local_addr().expect("it is bound");
        let heard = Arc::default();
        let bmc = Bmc {
            algorithms: suite.algorithms(),
            quirk,
            heard: Arc::clone(&heard),
            opening: None,
            keys: None,
            sent: 0,
        };
        Self { addr, heard, task: tokio::spawn(serve(socket, bmc)) }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The request sequences of all requests of `opcode` that arrived.
    pub(super) fn heard(&self, opcode: Opcode) -> Vec<RequestSequence> {
        let heard = self.heard.lock().expect("nobody panics with it");
        heard.iter().filter(|(other, _)| *other == opcode).map(|(_, sequence)| *sequence).collect()
    }

    pub(super) fn forget(&self) {
        self.heard.lock().expect("nobody panics with it").clear();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, mut bmc: Bmc) {
    let mut buffer = [0; 2048];
    while let Ok((len, console)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = bmc.answer(&buffer[..len]) {
            socket.send_to(&answer, console).await.expect("the console is on this machine");
        }
    }
}

struct Bmc {
    algorithms: Algorithms,
    quirk: Quirk,
    heard: Arc<Mutex<Vec<(Opcode, RequestSequence)>>>,
    opening: Option<Opening>,
    keys: Option<(u32, SessionKeys)>,
    sent: u32,
}

#[derive(Default)]
struct Opening {
    console_session: u32,
    console_random: [u8; 16],
    role: u8,
    user: Vec<u8>,
}

impl Bmc {
    fn answer(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        match Packet::decode(datagram)? {
            Packet::Sessionless { payload } => {
                let (opcode, sequence, _) = request(payload)?;
                // IPMI 2.0 is spoken, users have names.
                let reply = wire::encode_reply(opcode, sequence, 0, &[1, 0x80, 0x04, 0x02, 0, 0, 0, 0]);
                Some(rmcp::encode_sessionless(&reply))
            }
            Packet::Plain { kind: PayloadType::OpenSessionRequest, payload } => self.open_session(payload),
            Packet::Plain { kind: PayloadType::Rakp1, payload } => self.rakp1(payload),
            Packet::Plain { kind: PayloadType::Rakp3, payload } => self.rakp3(payload),
            Packet::Plain { .. } => None,
            Packet::Sealed { session, payload, covered_and_code, .. } => {
                let (console_session, keys) = self.keys.as_ref().filter(|_| session == BMC_SESSION)?;
                let len = self.algorithms.integrity_code_len;
                let (covered, code) = rmcp::split_code(covered_and_code, payload, len)?;
                assert!(self.algorithms.digest.verify(&keys.integrity, &[covered], code), "a wrong signature");
                let message = seal::decrypt(&keys.confidentiality, payload).expect("it was encrypted for us");
                let (opcode, sequence, data) = request(&message)?;
                let console_session = *console_session;
                self.heard.lock().expect("nobody panics with it").push((opcode, sequence));
                let (completion, reply) = self.run(opcode, data)?;
                self.sent += 1;
                let (_, keys) = self.keys.as_ref()?;
                let message = wire::encode_reply(opcode, sequence, completion, &reply);
                let text = seal::encrypt(&keys.confidentiality, [7; 16], &message);
                let packet = rmcp::encode_sealed(PayloadType::Ipmi, console_session, self.sent, &text);
                let code = self.algorithms.digest.code(&keys.integrity, &[packet.covered()]);
                Some(packet.sign(&code[..len]))
            }
        }
    }

    fn run(&mut self, opcode: Opcode, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        match (&mut self.quirk, opcode) {
            (Quirk::DeafTo(deaf), _) if *deaf == opcode => None,
            (Quirk::RefusesPrivilege, Opcode::SET_PRIVILEGE) => Some((0x81, Vec::new())),
            (Quirk::NodeBusy(times @ 1..), Opcode::CHASSIS_STATUS) => {
                *times -= 1;
                Some((0xC0, Vec::new()))
            }
            (Quirk::ShortReplies, Opcode::CHASSIS_STATUS) => Some((0, vec![1])),
            (_, Opcode::SET_PRIVILEGE) => Some((0, data.to_vec())),
            (_, Opcode::CHASSIS_STATUS) => Some((0, vec![0x01, 0x10, 0x40])),
            (_, Opcode::GET_DEVICE_ID) => Some((0, vec![0x20; 11])),
            (_, Opcode::CLOSE_SESSION) => Some((0, Vec::new())),
            _ => Some((0xC1, Vec::new())),
        }
    }

    fn open_session(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let tag = *payload.first()?;
        let console_session = u32::from_le_bytes(*payload.get(4..8)?.first_chunk()?);
        let proposed = [*payload.get(12)?, *payload.get(20)?, *payload.get(28)?];
        let ours = [self.algorithms.authentication, self.algorithms.integrity, self.algorithms.confidentiality];
        let status = match &mut self.quirk {
            Quirk::NoFreeSession(times @ 1..) => {
                *times -= 1;
                0x01
            }
            _ if proposed != ours => 0x11,
            _ => 0,
        };
        let mut answer = vec![tag, status, 4, 0];
        answer.extend(console_session.to_le_bytes());
        if status == 0 {
            self.opening = Some(Opening { console_session, ..Opening::default() });
            answer.extend(BMC_SESSION.to_le_bytes());
            for (kind, algorithm) in (0u8..).zip(ours) {
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
        assert_eq!(usize::from(payload[27]), opening.user.len());
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
            answer.extend(opening.exchange().rakp2(self.algorithms.digest, &UserKey::new(PASSWORD.as_bytes())));
        }
        Some(rmcp::encode_plain(PayloadType::Rakp2, &answer))
    }

    fn rakp3(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let opening = self.opening.take()?;
        let digest = self.algorithms.digest;
        let exchange = opening.exchange();
        let key = UserKey::new(PASSWORD.as_bytes());
        let mut status = if exchange.rakp3(digest, &key) == payload[8..] { 0 } else { 0x0F };
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
            answer.extend(exchange.rakp4(self.algorithms, &session_key));
            self.keys = Some((opening.console_session, SessionKeys::derive(digest, &session_key)));
            self.sent = 0;
        }
        Some(rmcp::encode_plain(PayloadType::Rakp4, &answer))
    }
}

impl Opening {
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

/// Opcode, sequence and data of a request.
fn request(message: &[u8]) -> Option<(Opcode, RequestSequence, &[u8])> {
    let [_to, netfn, _sum, _from, sequence, command, data @ .., _last] = message else {
        return None;
    };
    Some((Opcode::raw(netfn >> 2, *command), RequestSequence::from_bits(sequence >> 2), data))
}
