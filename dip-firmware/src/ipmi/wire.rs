//! IPMI messages as they travel on a LAN channel: addresses, sequence, checksums (§13.8).

use super::opcode::Opcode;

/// Slave address of the BMC.
const BMC: u8 = 0x20;
/// Software id of a remote console.
const CONSOLE: u8 = 0x81;

/// The request sequence of six bits that pairs a reply with its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestSequence(u8);

impl RequestSequence {
    pub(super) fn next(self) -> Self {
        Self((self.0 + 1) & 0x3F)
    }

    /// The lowest six bits.
    pub(super) fn from_bits(bits: u8) -> Self {
        Self(bits & 0x3F)
    }
}

/// A request's bytes.
pub(super) fn encode_request(opcode: Opcode, sequence: RequestSequence, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(7 + data.len());
    out.extend([BMC, opcode.netfn() << 2]);
    out.push(checksum(&out));
    out.extend([CONSOLE, sequence.0 << 2, opcode.command()]);
    out.extend(data);
    out.push(checksum(&out[3..]));
    out
}

/// A reply, read from a LAN message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) opcode: Opcode,
    pub(super) sequence: RequestSequence,
    /// The raw completion code; zero is success.
    pub(super) completion: u8,
    pub(super) data: Vec<u8>,
}

impl Reply {
    /// Reads a LAN message; `None` for anything that is not a whole, correct reply.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&last, body) = bytes.split_last()?;
        let [_to, netfn, header_sum, tail @ ..] = body else {
            return None;
        };
        let [_from, sequence, command, completion, data @ ..] = tail else {
            return None;
        };
        let netfn_value = netfn >> 2;
        if checksum(&body[..2]) != *header_sum || checksum(tail) != last || netfn_value & 1 == 0 {
            return None;
        }
        Some(Self {
            opcode: Opcode::raw(netfn_value, *command),
            sequence: RequestSequence::from_bits(sequence >> 2),
            completion: *completion,
            data: data.to_vec(),
        })
    }
}

/// Two's complement of the sum: the bytes and their checksum add up to zero.
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

#[cfg(any(test, feature = "responder"))]
pub(super) fn encode_reply(opcode: Opcode, sequence: RequestSequence, completion: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![CONSOLE, (opcode.netfn() | 1) << 2];
    out.push(checksum(&out));
    out.extend([BMC, sequence.0 << 2, opcode.command(), completion]);
    out.extend(data);
    out.push(checksum(&out[3..]));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_has_the_bytes_of_the_specification() {
        // Get Channel Authentication Capabilities as ipmitool sends it.
        let bytes = encode_request(Opcode::CHANNEL_AUTHENTICATION, RequestSequence(0), &[0x8E, 0x04]);
        assert_eq!(bytes, [0x20, 0x18, 0xC8, 0x81, 0x00, 0x38, 0x8E, 0x04, 0xB5]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Reply::decode(&bytes);
        }

        #[test]
        fn a_reply_is_read_back_and_a_cut_or_changed_one_is_refused(
            netfn in 0u8..64, command: u8, sequence in 0u8..64, completion: u8,
            data in proptest::collection::vec(any::<u8>(), 0..40), at: prop::sample::Index, flip in 1u8..,
        ) {
            let (opcode, sequence) = (Opcode::raw(netfn, command), RequestSequence(sequence));
            let bytes = encode_reply(opcode, sequence, completion, &data);
            prop_assert_eq!(Reply::decode(&bytes), Some(Reply { opcode, sequence, completion, data }));
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= flip;
            prop_assert_eq!(Reply::decode(&changed), None);
        }
    }
}
