//! An open session without input or output: seals requests, opens replies, refuses replays (§6.12.13, §13.28).

use super::auth::SessionKeys;
use super::opcode::Opcode;
use super::rmcp::{self, Packet, PayloadType};
use super::seal;
use super::suite::Algorithms;
use super::wire::{self, Reply, RequestSequence};

/// A session that both sides agreed on.
pub(super) struct Session {
    algorithms: Algorithms,
    keys: SessionKeys,
    console_session: u32,
    bmc_session: u32,
    sent: u32,
    received: Window,
    request: RequestSequence,
}

impl Session {
    pub(super) fn new(algorithms: Algorithms, keys: SessionKeys, console_session: u32, bmc_session: u32) -> Self {
        Self {
            algorithms,
            keys,
            console_session,
            bmc_session,
            sent: 0,
            received: Window::default(),
            request: RequestSequence::default(),
        }
    }

    /// The BMC's number of the session.
    pub(super) fn bmc_session(&self) -> u32 {
        self.bmc_session
    }

    /// Takes the next request sequence for a request; every repetition of the request uses the same ticket.
    pub(super) fn ticket(&mut self, opcode: Opcode) -> Ticket {
        self.request = self.request.next();
        Ticket { opcode, sequence: self.request }
    }

    /// A datagram with the request; each has a session sequence of its own, or the BMC would drop a repetition.
    ///
    /// A BMC takes sequences up to 15 ahead of the last that it saw (§6.12.13): when more datagrams than that are lost
    /// in a row, the session is lost too.
    pub(super) fn seal(&mut self, ticket: Ticket, data: &[u8], iv: [u8; 16]) -> Vec<u8> {
        self.seal_payload(PayloadType::Ipmi, &wire::encode_request(ticket.opcode, ticket.sequence, data), iv)
    }

    /// A datagram with a payload of any type, under the same rule.
    pub(super) fn seal_payload(&mut self, kind: PayloadType, payload: &[u8], iv: [u8; 16]) -> Vec<u8> {
        // Zero means "outside a session".
        self.sent = self.sent.checked_add(1).unwrap_or(1);
        let text = seal::encrypt(&self.keys.confidentiality, iv, payload);
        let packet = rmcp::encode_sealed(kind, self.bmc_session, self.sent, &text);
        let code = self.algorithms.digest.code(&self.keys.integrity, &[packet.covered()]);
        packet.sign(&code[..self.algorithms.integrity_code_len])
    }

    /// The reply in a datagram; `None` for everything that is not a new reply of this session.
    pub(super) fn open(&mut self, datagram: &[u8]) -> Option<Reply> {
        match self.open_payload(datagram)? {
            (PayloadType::Ipmi, payload) => Reply::decode(&payload),
            _ => None,
        }
    }

    /// The payload in a datagram, and its type; `None` for everything that is not new in this session.
    pub(super) fn open_payload(&mut self, datagram: &[u8]) -> Option<(PayloadType, Vec<u8>)> {
        let Packet::Sealed { kind, session, sequence, payload, covered_and_code } = Packet::decode(datagram)? else {
            return None;
        };
        if session != self.console_session {
            return None;
        }
        let (covered, code) = rmcp::split_code(covered_and_code, payload, self.algorithms.integrity_code_len)?;
        // Only a packet with the right code may move the window.
        if !self.algorithms.digest.verify(&self.keys.integrity, &[covered], code) || !self.received.admit(sequence) {
            return None;
        }
        Some((kind, seal::decrypt(&self.keys.confidentiality, payload)?))
    }
}

/// What pairs a reply with its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    opcode: Opcode,
    sequence: RequestSequence,
}

impl Ticket {
    pub(super) fn matches(&self, reply: &Reply) -> bool {
        reply.opcode == self.opcode && reply.sequence == self.sequence
    }
}

/// Which session sequences came in: the highest, and those in the 32 before it.
#[derive(Debug, Default)]
struct Window {
    highest: u32,
    /// Bit n: `highest - n` was seen.
    seen: u32,
}

impl Window {
    /// Whether `sequence` is new and not too old; it is remembered.
    fn admit(&mut self, sequence: u32) -> bool {
        if sequence == 0 {
            return false;
        }
        let ahead = sequence.wrapping_sub(self.highest);
        if self.seen == 0 || (ahead != 0 && ahead < u32::MAX / 2) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = sequence;
            return true;
        }
        let behind = self.highest.wrapping_sub(sequence);
        let Some(bit) = 1u32.checked_shl(behind) else {
            return false;
        };
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ipmi::suite::CipherSuite;

    fn pair() -> (Session, SessionKeys) {
        let algorithms = CipherSuite::C3.algorithms();
        let keys = || SessionKeys::derive(algorithms.digest, b"session integrity key");
        (Session::new(algorithms, keys(), 11, 22), keys())
    }

    /// A reply as a BMC would send it.
    fn reply(keys: &SessionKeys, sequence: u32, ticket: Ticket, data: &[u8]) -> Vec<u8> {
        let algorithms = CipherSuite::C3.algorithms();
        let message = wire::encode_reply(ticket.opcode, ticket.sequence, 0, data);
        let text = seal::encrypt(&keys.confidentiality, [3; 16], &message);
        let packet = rmcp::encode_sealed(PayloadType::Ipmi, 11, sequence, &text);
        let code = algorithms.digest.code(&keys.integrity, &[packet.covered()]);
        packet.sign(&code[..algorithms.integrity_code_len])
    }

    #[test]
    fn a_reply_is_opened_once_and_pairs_with_its_request_only() {
        let (mut session, keys) = pair();
        let first = session.ticket(Opcode::CHASSIS_STATUS);
        let second = session.ticket(Opcode::CHASSIS_STATUS);
        let datagram = reply(&keys, 1, second, &[1, 2]);
        let opened = session.open(&datagram).expect("a correct reply");
        assert!(second.matches(&opened) && !first.matches(&opened));
        assert_eq!(session.open(&datagram), None, "a duplicate is dropped");
    }

    #[test]
    fn replies_out_of_order_are_taken_and_very_old_ones_are_not() {
        let mut window = Window::default();
        assert!(!window.admit(0));
        assert!(window.admit(5) && window.admit(7) && window.admit(6));
        assert!(!window.admit(6) && !window.admit(7));
        assert!(window.admit(500) && window.admit(500 - 31) && !window.admit(500 - 32));
    }

    #[test]
    fn the_window_goes_on_when_the_sequence_wraps() {
        let mut window = Window::default();
        assert!(window.admit(u32::MAX) && window.admit(1) && !window.admit(u32::MAX) && window.admit(u32::MAX - 1));
    }

    #[test]
    fn every_repetition_has_a_new_session_sequence() {
        let (mut session, _) = pair();
        let ticket = session.ticket(Opcode::CHASSIS_STATUS);
        let sequence = |datagram: &[u8]| match Packet::decode(datagram) {
            Some(Packet::Sealed { session, sequence, .. }) => (session, sequence),
            other => panic!("not sealed: {other:?}"),
        };
        assert_eq!(sequence(&session.seal(ticket, &[], [0; 16])), (22, 1));
        assert_eq!(sequence(&session.seal(ticket, &[], [0; 16])), (22, 2));
    }

    proptest! {
        #[test]
        fn a_reply_changed_anywhere_is_dropped(data in proptest::collection::vec(any::<u8>(), 0..40), at: prop::sample::Index, flip in 1u8..) {
            let (mut session, keys) = pair();
            let ticket = session.ticket(Opcode::GET_DEVICE_ID);
            let mut datagram = reply(&keys, 1, ticket, &data);
            // The RMCP header's own middle bytes carry nothing and are not signed.
            let place = 4 + at.index(datagram.len() - 4);
            datagram[place] ^= flip;
            prop_assert_eq!(session.open(&datagram), None);
            datagram[place] ^= flip;
            prop_assert!(session.open(&datagram).is_some());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let (mut session, _) = pair();
            prop_assert_eq!(session.open(&bytes), None);
        }

        #[test]
        fn the_window_admits_each_sequence_at_most_once(sequences in proptest::collection::vec(1u32..80, 0..200)) {
            let mut window = Window::default();
            let mut admitted = std::collections::BTreeSet::new();
            for sequence in sequences {
                if window.admit(sequence) {
                    prop_assert!(admitted.insert(sequence), "{} twice", sequence);
                }
            }
        }
    }
}
