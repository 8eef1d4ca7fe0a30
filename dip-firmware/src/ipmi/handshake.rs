//! The opening of a session as a state machine without input or output (§13.15).
//!
//! ```text
//! Open Session Request → Response → RAKP 1 → RAKP 2 (BMC proves the password) → RAKP 3 (we do) → RAKP 4 (keys agree)
//! ```

use zeroize::Zeroizing;

use super::auth::{Exchange, SessionKeys, UserKey};
use super::credentials::Credentials;
use super::options::Privilege;
use super::rakp::{self, RakpStatus, RakpStep};
use super::rmcp::{self, Packet, PayloadType};
use super::session::Session;
use super::suite::{Algorithms, CipherSuite};

/// Look the account up by its name alone (§13.20, bit 4 of the role byte).
const NAME_ONLY: u8 = 0x10;

/// The random parts of an opening; never used twice.
pub(super) struct Nonces {
    pub(super) console_session: u32,
    pub(super) random: [u8; 16],
    pub(super) tag: u8,
}

/// An opening under way.
pub(super) struct Handshake {
    algorithms: Algorithms,
    role: u8,
    user: Vec<u8>,
    password: UserKey,
    nonces: Nonces,
    stage: Stage,
}

enum Stage {
    Opening,
    Naming { bmc_session: u32 },
    Proving { bmc_session: u32, bmc_guid: [u8; 16], session_key: Zeroizing<Vec<u8>>, message: Vec<u8> },
}

/// What a datagram did to the opening.
pub(super) enum Progress {
    /// It was not an answer to our last message.
    Ignored,
    /// The next message is ready in [`Handshake::datagram`].
    Advanced,
    /// The session is open.
    Established(Session),
    /// It ends here.
    Ended(End),
}

/// Why an opening ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The BMC said so.
    Refused(RakpStep, RakpStatus),
    /// The BMC chose algorithms that were not offered.
    OtherSuite,
    /// The BMC has another password for the user: its code in RAKP message 2 is not ours. Send the datagram, it
    /// lets the BMC forget the half-open session.
    WrongPassword { farewell: Vec<u8> },
    /// The BMC proved the password, but has another session key.
    WrongSessionKey,
}

impl Handshake {
    pub(super) fn new(credentials: &Credentials, privilege: Privilege, suite: CipherSuite, nonces: Nonces) -> Self {
        Self {
            algorithms: suite.algorithms(),
            role: privilege.value() | NAME_ONLY,
            user: credentials.user().as_bytes().to_vec(),
            password: UserKey::new(credentials.password()),
            nonces,
            stage: Stage::Opening,
        }
    }

    /// The message to send now, or to send again.
    pub(super) fn datagram(&self) -> Vec<u8> {
        let Nonces { console_session, random, .. } = &self.nonces;
        let tag = self.tag();
        match &self.stage {
            Stage::Opening => rmcp::encode_plain(
                PayloadType::OpenSessionRequest,
                &rakp::open_session_request(tag, *console_session, self.algorithms),
            ),
            Stage::Naming { bmc_session } => {
                rmcp::encode_plain(PayloadType::Rakp1, &rakp::rakp1(tag, *bmc_session, random, self.role, &self.user))
            }
            Stage::Proving { message, .. } => message.clone(),
        }
    }

    /// The message that is waiting for its answer.
    pub(super) fn step(&self) -> RakpStep {
        match self.stage {
            Stage::Opening => RakpStep::OpenSession,
            Stage::Naming { .. } => RakpStep::Rakp1,
            Stage::Proving { .. } => RakpStep::Rakp3,
        }
    }

    /// Takes a datagram that came in.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> Progress {
        let Some(Packet::Plain { kind, payload }) = Packet::decode(datagram) else {
            return Progress::Ignored;
        };
        let progress = match (&self.stage, kind) {
            (Stage::Opening, PayloadType::OpenSessionResponse) => self.opened(payload),
            (Stage::Naming { bmc_session }, PayloadType::Rakp2) => self.named(*bmc_session, payload),
            (Stage::Proving { .. }, PayloadType::Rakp4) => self.proved(payload),
            _ => None,
        };
        progress.unwrap_or(Progress::Ignored)
    }

    fn opened(&mut self, payload: &[u8]) -> Option<Progress> {
        let answer = rakp::read_open_session(payload)?;
        let opened = match self.body(RakpStep::OpenSession, answer)? {
            Ok(opened) => opened,
            Err(end) => return Some(Progress::Ended(end)),
        };
        if !opened.agrees_to(self.algorithms) {
            return Some(Progress::Ended(End::OtherSuite));
        }
        self.stage = Stage::Naming { bmc_session: opened.bmc_session };
        Some(Progress::Advanced)
    }

    fn named(&mut self, bmc_session: u32, payload: &[u8]) -> Option<Progress> {
        let answer = rakp::read_rakp2(payload)?;
        let named = match self.body(RakpStep::Rakp1, answer)? {
            Ok(named) => named,
            Err(end) => return Some(Progress::Ended(end)),
        };
        let digest = self.algorithms.digest;
        let exchange = self.exchange(bmc_session, &named.bmc_random, &named.bmc_guid);
        let tag = self.tag().wrapping_add(1);
        if !exchange.verify_rakp2(digest, &self.password, named.code) {
            let message = rakp::rakp3(tag, RakpStatus::INVALID_CODE.value(), bmc_session, &[]);
            let farewell = rmcp::encode_plain(PayloadType::Rakp3, &message);
            return Some(Progress::Ended(End::WrongPassword { farewell }));
        }
        let message = rakp::rakp3(tag, 0, bmc_session, &exchange.rakp3(digest, &self.password));
        // Without a key of its own (K_G) the BMC uses the user's password here (§13.31).
        let session_key = exchange.session_key(digest, &self.password);
        self.stage = Stage::Proving {
            bmc_session,
            bmc_guid: named.bmc_guid,
            session_key,
            message: rmcp::encode_plain(PayloadType::Rakp3, &message),
        };
        Some(Progress::Advanced)
    }

    fn proved(&self, payload: &[u8]) -> Option<Progress> {
        let Stage::Proving { bmc_session, bmc_guid, session_key, .. } = &self.stage else {
            return None;
        };
        let answer = rakp::read_rakp4(payload)?;
        let proved = match self.body(RakpStep::Rakp3, answer)? {
            Ok(proved) => proved,
            Err(end) => return Some(Progress::Ended(end)),
        };
        // RAKP message 4 is about our own random number only; the BMC's is already in the session key.
        let exchange = self.exchange(*bmc_session, &[0; 16], bmc_guid);
        if !exchange.verify_rakp4(self.algorithms, session_key, proved.code) {
            return Some(Progress::Ended(End::WrongSessionKey));
        }
        let keys = SessionKeys::derive(self.algorithms.digest, session_key);
        Some(Progress::Established(Session::new(self.algorithms, keys, self.nonces.console_session, *bmc_session)))
    }

    /// The contents of an answer; `None` when it is the answer to another message.
    fn body<T>(&self, step: RakpStep, answer: rakp::Answer<T>) -> Option<Result<T, End>> {
        if answer.tag != self.tag() {
            return None;
        }
        match answer.body {
            Ok(body) => (answer.console_session == Some(self.nonces.console_session)).then_some(Ok(body)),
            // Some BMCs leave the session id out of a refusal, or zero.
            Err(status) => match answer.console_session {
                Some(other) if other != 0 && other != self.nonces.console_session => None,
                _ => Some(Err(End::Refused(step, status))),
            },
        }
    }

    /// Each message has a tag of its own, so that a late answer to the one before is known as such.
    fn tag(&self) -> u8 {
        let offset = match self.stage {
            Stage::Opening => 0,
            Stage::Naming { .. } => 1,
            Stage::Proving { .. } => 2,
        };
        self.nonces.tag.wrapping_add(offset)
    }

    fn exchange<'a>(&'a self, bmc_session: u32, bmc_random: &'a [u8; 16], bmc_guid: &'a [u8; 16]) -> Exchange<'a> {
        Exchange {
            console_session: self.nonces.console_session,
            bmc_session,
            console_random: &self.nonces.random,
            bmc_random,
            bmc_guid,
            role: self.role,
            user: &self.user,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ipmi::opcode::Opcode;

    /// A handshake of another implementation, ipmitool 1.8.19, as it shows it at its highest verbosity; user "admin",
    /// password "secret".
    struct Recorded {
        suite: CipherSuite,
        console_session: u32,
        console_random: &'static str,
        open_session_response: &'static str,
        rakp1: &'static str,
        rakp2: &'static str,
        rakp3: &'static str,
        rakp4: &'static str,
        /// Set Session Privilege Level, with the third session sequence.
        request: &'static str,
        reply: &'static str,
    }

    /// With OpenIPMI's `ipmi_sim`.
    const SUITE_3: Recorded = Recorded {
        suite: CipherSuite::C3,
        console_session: 0xA0A2_A3A4,
        console_random: "7721daff40764e99f26263bc3ce352bb",
        open_session_response: "0600ff07061100000000000000002400\
            00000000a4a3a2a002030000000000080100000001000008010000000200000801000000",
        rakp1: "0600ff0706120000000000000000210000000000020300007721daff40764e99f26263bc3ce352bb1400000561646d696e",
        rakp2: "0600ff07061300000000000000003c0000000000a4a3a2a0bd1eaf634e2baf8a\
            cade679caff02a2300112233445566778899aabbccddeeffa2165cc9f33743edbbe8095a2435e1be102ee76f",
        rakp3: "0600ff07061400000000000000001c00000000000203000010ef3e6b03e555b57304ca17fb909b34e9345b63",
        rakp4: "0600ff0706150000000000000000140000000000a4a3a2a05bb4f3d1252c206180f5e1ae",
        request: "0600ff0706c002030000030000002000a05c33257d6660db7ee335f1ba5c1624\
            fffe4008f6fe658622a5bf8c9dfc70f9ffff02077c61db1f1309ca74fee1b695",
        reply: "0600ff0706c0a4a3a2a00100000020007a6fa5d1b980754422b1f5e93a3075ad\
            81c5740f51153d21c53c3cae92eb0afdffff0207299dceedd664d21116c70cb7",
    };

    /// With the responder of this module, as no simulator speaks suite 17; ipmitool made and checked the codes.
    const SUITE_17: Recorded = Recorded {
        suite: CipherSuite::C17,
        console_session: 0xA0A2_A3A4,
        console_random: "17dab8df2964f4c77032ff07d8b1f41e",
        open_session_response: "0600ff07061100000000000000002400\
            00000400a4a3a2a00e0d0c0b000000080300000001000008040000000200000801000000",
        rakp1: "0600ff07061200000000000000002100000000000e0d0c0b17dab8df2964f4c77032ff07d8b1f41e1400000561646d696e",
        rakp2: "0600ff0706130000000000000000480000000000a4a3a2a06e6f7420736f2072616e646f6d2e2e2e6120726573706f\
            6e646572206775696414e550395181fd4912a2c546bd76b10997e7e5caee70b5e451c8733382398f2b",
        rakp3: "0600ff07061400000000000000002800000000000e0d0c0b\
            7a1dccac3a67f327ff8bcb42fb552b1e813dd70547ed34c89f0091a24674f0e5",
        rakp4: "0600ff0706150000000000000000180000000000a4a3a2a0479ee2b86eaad917771a56374f23539d",
        request: "0600ff0706c00e0d0c0b030000002000759b7a2f804a41815ff14d1613be6c53\
            128bf59d9ca8a605439a5cec8c6084edffff02079e97798ba26c28bab5f184e71d8bd663",
        reply: "0600ff0706c0a4a3a2a001000000200007070707070707070707070707070707\
            ec67e1065775fa28d09a4b56a51c0974ffff02078716693f42c5a3741a3fce06055c6868",
    };

    /// Bytes of the tag in a datagram of the handshake.
    const TAG: usize = 16;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |c: u8| char::from(c).to_digit(16).expect("only hexadecimal digits") as u8;
        hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// ipmitool gives all messages the tag zero, dip one to each.
    fn tagged(hex: &str, tag: u8) -> Vec<u8> {
        let mut datagram = bytes(hex);
        datagram[TAG] = tag;
        datagram
    }

    fn handshake(recorded: &Recorded, password: &str) -> Handshake {
        let random = *bytes(recorded.console_random).first_chunk().expect("16 bytes");
        let nonces = Nonces { console_session: recorded.console_session, random, tag: 0 };
        let credentials = Credentials::new("admin", password).expect("short enough");
        Handshake::new(&credentials, Privilege::Administrator, recorded.suite, nonces)
    }

    fn advance(handshake: &mut Handshake, datagram: &[u8]) {
        assert!(matches!(handshake.receive(datagram), Progress::Advanced), "at {}", handshake.step());
    }

    #[test]
    fn it_speaks_as_recorded_handshakes_of_ipmitool_did() {
        for recorded in [SUITE_3, SUITE_17] {
            let mut handshake = handshake(&recorded, "secret");
            advance(&mut handshake, &bytes(recorded.open_session_response));
            assert_eq!(handshake.datagram(), tagged(recorded.rakp1, 1));
            advance(&mut handshake, &tagged(recorded.rakp2, 1));
            assert_eq!(handshake.datagram(), tagged(recorded.rakp3, 2));
            let Progress::Established(mut session) = handshake.receive(&tagged(recorded.rakp4, 2)) else {
                panic!("RAKP message 4 is right");
            };
            let ticket = session.ticket(Opcode::SET_PRIVILEGE);
            let iv = *bytes(recorded.request)[TAG..].first_chunk().expect("16 bytes");
            let sealed: Vec<_> = (0..3).map(|_| session.seal(ticket, &[4], iv)).collect();
            assert_eq!(sealed[2], bytes(recorded.request), "the third datagram of the session");
            let reply = session.open(&bytes(recorded.reply)).expect("a right reply");
            assert!(ticket.matches(&reply));
            assert_eq!((reply.completion, reply.data), (0, vec![4]));
        }
    }

    #[test]
    fn another_password_is_found_out_at_rakp_message_2() {
        for recorded in [SUITE_3, SUITE_17] {
            let mut handshake = handshake(&recorded, "Secret");
            advance(&mut handshake, &bytes(recorded.open_session_response));
            let progress = handshake.receive(&tagged(recorded.rakp2, 1));
            assert!(matches!(progress, Progress::Ended(End::WrongPassword { .. })));
        }
    }

    #[test]
    fn late_doubled_and_foreign_answers_are_ignored() {
        let mut handshake = handshake(&SUITE_3, "secret");
        let opened = bytes(SUITE_3.open_session_response);
        advance(&mut handshake, &opened);
        let mut foreign = tagged(SUITE_3.rakp2, 1);
        foreign[TAG + 4] ^= 1; // another console's session
        for datagram in [opened, tagged(SUITE_3.rakp2, 0), foreign, tagged(SUITE_3.rakp4, 1)] {
            assert!(matches!(handshake.receive(&datagram), Progress::Ignored));
        }
        advance(&mut handshake, &tagged(SUITE_3.rakp2, 1));
    }

    #[test]
    fn a_session_key_that_differs_is_found_out_at_rakp_message_4() {
        let mut handshake = handshake(&SUITE_3, "secret");
        advance(&mut handshake, &bytes(SUITE_3.open_session_response));
        advance(&mut handshake, &tagged(SUITE_3.rakp2, 1));
        let mut changed = tagged(SUITE_3.rakp4, 2);
        *changed.last_mut().expect("not empty") ^= 1;
        assert!(matches!(handshake.receive(&changed), Progress::Ended(End::WrongSessionKey)));
    }

    proptest! {
        #[test]
        fn no_cut_or_changed_answer_makes_it_panic_or_gives_a_session(
            stage in 0usize..3, at: prop::sample::Index, flip in 1u8.., cut: prop::sample::Index, cuts: bool,
        ) {
            let answers = [
                bytes(SUITE_3.open_session_response), tagged(SUITE_3.rakp2, 1), tagged(SUITE_3.rakp4, 2),
            ];
            let mut handshake = handshake(&SUITE_3, "secret");
            for answer in &answers[..stage] {
                advance(&mut handshake, answer);
            }
            let mut changed = answers[stage].clone();
            // Behind the session header, whose unused bits may be anything.
            let place = TAG + at.index(changed.len() - TAG);
            changed[place] ^= flip;
            if cuts {
                changed.truncate(cut.index(changed.len()));
            }
            if let Progress::Established(_) = handshake.receive(&changed) {
                // Only the reserved bytes of RAKP message 4 may differ.
                prop_assert!(stage == 2 && (TAG + 2..TAG + 4).contains(&place) && !cuts, "byte {}", place);
            }
        }
    }
}
