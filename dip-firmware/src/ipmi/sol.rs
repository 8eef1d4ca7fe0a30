//! Serial over LAN without input or output: packets, their acknowledgement, what is sent again (§15.9 to §15.11).

use std::collections::VecDeque;

/// Sequence, acknowledged sequence, accepted count, status (Table 15-2).
const HEADER: usize = 4;
/// Sequences go from 1 to 15; zero is no packet (§15.9).
const LAST_SEQUENCE: u8 = 15;
/// Characters for the caller that are kept here; the BMC is told to wait when they are not fetched.
const INBOX: usize = 8192;

/// Bits of the status to the BMC.
const NACK: u8 = 0x40;
const BREAK: u8 = 0x10;
/// Bits of the status from the BMC (Table 15-3).
const UNAVAILABLE: u8 = 0x20;
const DEACTIVATED: u8 = 0x10;

/// A packet of the payload type "SOL".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SolPacket {
    /// Zero where it only acknowledges.
    pub(super) sequence: u8,
    /// The packet that it acknowledges; zero for none.
    pub(super) acknowledged: u8,
    /// How many characters of that were accepted.
    pub(super) accepted: u8,
    pub(super) status: u8,
    pub(super) data: Vec<u8>,
}

impl SolPacket {
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let ([sequence, acknowledged, accepted, status], data) = payload.split_first_chunk::<HEADER>()?;
        Some(Self {
            sequence: sequence & 0x0F,
            acknowledged: acknowledged & 0x0F,
            accepted: *accepted,
            status: *status,
            data: data.to_vec(),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.sequence, self.acknowledged, self.accepted, self.status];
        out.extend(&self.data);
        out
    }
}

/// Both directions of a console.
#[derive(Debug)]
pub(super) struct SolState {
    /// Characters that one packet to the BMC may carry.
    limit: usize,
    sequence: u8,
    /// The packet that the BMC has not acknowledged.
    pending: Option<SolPacket>,
    /// What the caller wrote and is not in a packet yet.
    outbox: VecDeque<u8>,
    wants_break: bool,
    /// The last packet that came in, and how much of it was accepted: it comes again when our answer was lost.
    received: (u8, u8),
    /// What came in and was not fetched.
    inbox: VecDeque<u8>,
    /// Whether the BMC was told to wait.
    refused: bool,
}

/// What a packet that came in means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SolNews {
    /// Nothing is to be sent for it.
    Nothing,
    /// This is to be sent at once.
    Answer(SolPacket),
    /// The BMC has ended the console.
    Deactivated,
}

impl SolState {
    /// A new console whose BMC takes payloads of so many bytes; the first packet follows `sequence`.
    ///
    /// Some BMCs do not forget the last packet of the console before, and would take one of the same sequence for a repetition.
    pub(super) fn new(payload: u16, sequence: u8) -> Self {
        Self {
            // A BMC that tells nonsense gets packets that every one takes.
            limit: usize::from(payload).checked_sub(HEADER).filter(|limit| *limit > 0).unwrap_or(32).min(240),
            sequence,
            pending: None,
            outbox: VecDeque::new(),
            wants_break: false,
            received: (0, 0),
            inbox: VecDeque::new(),
            refused: false,
        }
    }

    /// Whether more should be taken from the caller: one packet is on its way at a time.
    pub(super) fn takes_more(&self) -> bool {
        self.outbox.len() < self.limit
    }

    /// Takes characters from the caller.
    pub(super) fn write(&mut self, text: &[u8]) {
        self.outbox.extend(text);
    }

    /// Asks for a break on the line.
    pub(super) fn send_break(&mut self) {
        self.wants_break = true;
    }

    /// What the caller has not fetched yet, as far as it lies together.
    pub(super) fn unread(&self) -> &[u8] {
        self.inbox.as_slices().0
    }

    /// The caller has fetched so many; gives what the BMC must be told then.
    pub(super) fn fetched(&mut self, count: usize) -> Option<SolPacket> {
        self.inbox.drain(..count.min(self.inbox.len()));
        // A packet without data, with the acknowledgement clear: it may go on (§15.11).
        (std::mem::take(&mut self.refused)).then(|| self.acknowledge(0, 0, 0))
    }

    /// The packet that waits for its acknowledgement, made of what there is to send; `None` where nothing is.
    pub(super) fn outgoing(&mut self) -> Option<&SolPacket> {
        if self.pending.is_none() && (self.wants_break || !self.outbox.is_empty()) {
            self.sequence = self.sequence % LAST_SEQUENCE + 1;
            let count = self.outbox.len().min(self.limit);
            let status = if std::mem::take(&mut self.wants_break) { BREAK } else { 0 };
            self.pending = Some(SolPacket {
                sequence: self.sequence,
                acknowledged: 0,
                accepted: 0,
                status,
                data: self.outbox.drain(..count).collect(),
            });
        }
        self.pending.as_ref()
    }

    /// Whether a packet waits for its acknowledgement.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether all that was written has been accepted.
    pub(super) fn is_flushed(&self) -> bool {
        self.pending.is_none() && self.outbox.is_empty()
    }

    /// Takes a packet from the BMC.
    pub(super) fn receive(&mut self, packet: &SolPacket) -> SolNews {
        self.acknowledged(packet);
        let answer = self.take(packet);
        if packet.status & DEACTIVATED != 0 {
            return SolNews::Deactivated;
        }
        answer.map_or(SolNews::Nothing, SolNews::Answer)
    }

    fn acknowledged(&mut self, packet: &SolPacket) {
        let ours = |pending: &SolPacket| pending.sequence == packet.acknowledged && packet.acknowledged != 0;
        let Some(pending) = self.pending.take_if(|pending| ours(pending)) else { return };
        if packet.status & (NACK | UNAVAILABLE) != 0 && packet.accepted == 0 && !pending.data.is_empty() {
            // Nothing was accepted: the same again after a while.
            self.pending = Some(pending);
            return;
        }
        // What was not accepted goes into the next packet.
        let accepted = usize::from(packet.accepted).min(pending.data.len());
        for byte in pending.data[accepted..].iter().rev() {
            self.outbox.push_front(*byte);
        }
    }

    fn take(&mut self, packet: &SolPacket) -> Option<SolPacket> {
        if packet.sequence == 0 {
            return None;
        }
        let (last, accepted) = self.received;
        if packet.sequence == last && accepted > 0 {
            // Our answer was lost: the same answer, and the data is not taken twice.
            return Some(self.acknowledge(last, accepted, 0));
        }
        let room = INBOX - self.inbox.len();
        let count = packet.data.len().min(room).min(usize::from(u8::MAX));
        self.inbox.extend(&packet.data[..count]);
        let accepted = count as u8;
        self.received = (packet.sequence, accepted);
        self.refused = count < packet.data.len();
        Some(self.acknowledge(packet.sequence, accepted, if self.refused { NACK } else { 0 }))
    }

    fn acknowledge(&self, sequence: u8, accepted: u8, status: u8) -> SolPacket {
        SolPacket { sequence: 0, acknowledged: sequence, accepted, status, data: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(sequence: u8, text: &[u8]) -> SolPacket {
        SolPacket { sequence, acknowledged: 0, accepted: 0, status: 0, data: text.to_vec() }
    }

    fn ack(sequence: u8, accepted: u8, status: u8) -> SolPacket {
        SolPacket { sequence: 0, acknowledged: sequence, accepted, status, data: Vec::new() }
    }

    #[test]
    fn what_was_not_accepted_goes_into_the_next_packet() {
        let mut state = SolState::new(4 + 8, 0);
        state.write(b"0123456789");
        assert_eq!(state.outgoing().map(|packet| packet.data.clone()), Some(b"01234567".to_vec()));
        state.receive(&ack(9, 8, 0));
        assert!(state.is_waiting(), "an acknowledgement of another packet says nothing");
        state.receive(&ack(1, 3, 0));
        let next = state.outgoing().cloned().expect("the rest");
        assert_eq!((next.sequence, &next.data[..]), (2, &b"3456789"[..]));
        state.receive(&ack(2, 7, 0));
        assert!(state.is_flushed());
    }

    #[test]
    fn a_packet_that_was_refused_whole_is_sent_again_as_it_is() {
        let mut state = SolState::new(100, 0);
        state.write(b"abc");
        let first = state.outgoing().cloned();
        state.receive(&ack(1, 0, NACK));
        assert_eq!(state.outgoing().cloned(), first);
    }

    #[test]
    fn a_packet_that_comes_twice_is_answered_twice_and_read_once() {
        let mut state = SolState::new(100, 0);
        for _ in 0..2 {
            assert_eq!(state.receive(&data(5, b"login: ")), SolNews::Answer(ack(5, 7, 0)));
        }
        assert_eq!(state.unread(), b"login: ");
    }

    #[test]
    fn who_does_not_read_lets_the_bmc_wait_and_loses_nothing() {
        let mut state = SolState::new(100, 0);
        let (mut sent, mut sequence) = (0, 0);
        let full = loop {
            sequence = sequence % 15 + 1;
            match state.receive(&data(sequence, &[b'x'; 200])) {
                SolNews::Answer(answer) if answer.status & NACK == 0 => sent += 200,
                SolNews::Answer(answer) => break usize::from(answer.accepted) + sent,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((full, state.unread().len()), (INBOX, INBOX));
        assert_eq!(state.fetched(INBOX), Some(ack(0, 0, 0)), "the BMC is told to go on, once");
        assert_eq!(state.fetched(0), None);
    }

    #[test]
    fn a_break_is_sent_once_and_the_end_is_told() {
        let mut state = SolState::new(100, 0);
        state.send_break();
        assert_eq!(state.outgoing().map(|packet| packet.status), Some(BREAK));
        state.receive(&ack(1, 0, 0));
        assert!(state.outgoing().is_none());
        assert_eq!(state.receive(&ack(0, 0, DEACTIVATED)), SolNews::Deactivated);
    }

    proptest! {
        #[test]
        fn all_that_is_written_arrives_once_and_in_order_however_little_is_accepted(
            text in proptest::collection::vec(any::<u8>(), 0..300), takes in proptest::collection::vec(0u8..40, 1..40),
        ) {
            let mut state = SolState::new(4 + 32, 0);
            state.write(&text);
            let (mut arrived, mut takes) = (Vec::<u8>::new(), takes.into_iter().chain(std::iter::repeat(255)));
            while let Some(packet) = state.outgoing().cloned() {
                let accepted = takes.next().expect("endless").min(packet.data.len() as u8);
                arrived.extend(&packet.data[..usize::from(accepted)]);
                state.receive(&ack(packet.sequence, accepted, if accepted == 0 { NACK } else { 0 }));
            }
            prop_assert_eq!(arrived, text);
        }

        #[test]
        fn no_bytes_make_it_panic(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..60)) {
            let mut state = SolState::new(0, 0);
            for payload in payloads {
                state.write(&payload);
                state.outgoing();
                if let Some(packet) = SolPacket::decode(&payload) {
                    state.receive(&packet);
                    prop_assert_eq!(SolPacket::decode(&packet.encode()), Some(packet));
                }
            }
            prop_assert!(state.unread().len() <= INBOX);
        }
    }
}
