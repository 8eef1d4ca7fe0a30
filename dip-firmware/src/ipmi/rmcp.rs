//! RMCP packets and the session header around an IPMI payload (§13.1.3, §13.6).

/// RMCP version 1.0, no acknowledge, class IPMI.
const RMCP: [u8; 4] = [0x06, 0x00, 0xFF, 0x07];
const AUTH_NONE: u8 = 0x00;
const AUTH_RMCP_PLUS: u8 = 0x06;
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;
/// Auth type, payload type, session id, sequence, length.
const PLUS_HEADER: usize = 12;
/// Value of the "next header" field: reserved, always this.
const NEXT_HEADER: u8 = 0x07;

/// What a packet carries (§13.27.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadType {
    Ipmi,
    /// Serial over LAN (§15.9).
    Sol,
    OpenSessionRequest,
    OpenSessionResponse,
    Rakp1,
    Rakp2,
    Rakp3,
    Rakp4,
}

impl PayloadType {
    fn value(self) -> u8 {
        match self {
            Self::Ipmi => 0x00,
            Self::Sol => 0x01,
            Self::OpenSessionRequest => 0x10,
            Self::OpenSessionResponse => 0x11,
            Self::Rakp1 => 0x12,
            Self::Rakp2 => 0x13,
            Self::Rakp3 => 0x14,
            Self::Rakp4 => 0x15,
        }
    }

    fn from_value(value: u8) -> Option<Self> {
        Some(match value {
            0x00 => Self::Ipmi,
            0x01 => Self::Sol,
            0x10 => Self::OpenSessionRequest,
            0x11 => Self::OpenSessionResponse,
            0x12 => Self::Rakp1,
            0x13 => Self::Rakp2,
            0x14 => Self::Rakp3,
            0x15 => Self::Rakp4,
            _ => return None,
        })
    }
}

/// A packet outside any session, in the format of IPMI 1.5 (§13.6, left column): the probe needs no more.
pub(super) fn encode_sessionless(payload: &[u8]) -> Vec<u8> {
    let mut out = RMCP.to_vec();
    out.push(AUTH_NONE);
    out.extend([0; 8]);
    out.push(u8::try_from(payload.len()).expect("only short requests are sent outside a session"));
    out.extend(payload);
    out
}

/// A packet of RMCP+ that is neither encrypted nor signed: Open Session and RAKP messages.
pub(super) fn encode_plain(kind: PayloadType, payload: &[u8]) -> Vec<u8> {
    let mut out = RMCP.to_vec();
    push_header(&mut out, kind.value(), 0, 0, payload);
    out
}

/// A packet of a session, up to the place where the integrity code is appended, and that which the code covers.
pub(super) fn encode_sealed(kind: PayloadType, session: u32, sequence: u32, encrypted_payload: &[u8]) -> Unsigned {
    let mut out = RMCP.to_vec();
    push_header(&mut out, kind.value() | ENCRYPTED | AUTHENTICATED, session, sequence, encrypted_payload);
    // The covered part, including the two bytes that follow the padding, is a multiple of four.
    let pad = (4 - (out.len() - RMCP.len() + 2) % 4) % 4;
    out.extend(std::iter::repeat_n(0xFF, pad));
    out.extend([pad as u8, NEXT_HEADER]);
    Unsigned(out)
}

/// A sealed packet that still lacks its integrity code.
pub(super) struct Unsigned(Vec<u8>);

impl Unsigned {
    pub(super) fn covered(&self) -> &[u8] {
        &self.0[RMCP.len()..]
    }

    pub(super) fn sign(mut self, code: &[u8]) -> Vec<u8> {
        self.0.extend(code);
        self.0
    }
}

fn push_header(out: &mut Vec<u8>, kind: u8, session: u32, sequence: u32, payload: &[u8]) {
    out.extend([AUTH_RMCP_PLUS, kind]);
    out.extend(session.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    let len = u16::try_from(payload.len()).expect("requests are far shorter than 64 KiB");
    out.extend(len.to_le_bytes());
    out.extend(payload);
}

/// A packet that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// IPMI 1.5 format without session.
    Sessionless { payload: &'a [u8] },
    /// RMCP+ without session: the answers to Open Session and RAKP messages.
    Plain { kind: PayloadType, payload: &'a [u8] },
    /// RMCP+ of a session, encrypted and signed.
    Sealed { kind: PayloadType, session: u32, sequence: u32, payload: &'a [u8], covered_and_code: &'a [u8] },
}

impl<'a> Packet<'a> {
    /// Reads a datagram; `None` for all that this client has no use for.
    pub(super) fn decode(datagram: &'a [u8]) -> Option<Self> {
        let (header, rest) = datagram.split_first_chunk::<4>()?;
        if header[0] != RMCP[0] || header[3] != RMCP[3] {
            return None;
        }
        match *rest.first()? {
            AUTH_NONE => {
                let len = usize::from(*rest.get(9)?);
                Some(Self::Sessionless { payload: rest.get(10..10 + len)? })
            }
            AUTH_RMCP_PLUS => {
                let header = rest.first_chunk::<PLUS_HEADER>()?;
                let kind = PayloadType::from_value(header[1] & 0x3F)?;
                let session = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
                let sequence = u32::from_le_bytes([header[6], header[7], header[8], header[9]]);
                let len = usize::from(u16::from_le_bytes([header[10], header[11]]));
                let payload = rest.get(PLUS_HEADER..PLUS_HEADER + len)?;
                match (header[1] & (ENCRYPTED | AUTHENTICATED), kind) {
                    (0, _) if session == 0 => Some(Self::Plain { kind, payload }),
                    (both, PayloadType::Ipmi | PayloadType::Sol) if both == ENCRYPTED | AUTHENTICATED => {
                        Some(Self::Sealed { kind, session, sequence, payload, covered_and_code: rest })
                    }
                    // A session of ours is always encrypted and signed: anything weaker is not from our BMC.
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The console's id of the session that it belongs to; `None` where it names none.
    pub(super) fn console_session(&self) -> Option<u32> {
        match self {
            Self::Sessionless { .. } => None,
            // Some BMCs leave the id out of a refusal, or zero.
            Self::Plain { payload, .. } => {
                payload.get(4..8)?.first_chunk().copied().map(u32::from_le_bytes).filter(|session| *session != 0)
            }
            Self::Sealed { session, .. } => Some(*session),
        }
    }
}

/// The part that the code covers, and the code, of a sealed packet; `None` when the trailer does not fit.
pub(super) fn split_code<'a>(
    covered_and_code: &'a [u8],
    payload: &[u8],
    code_len: usize,
) -> Option<(&'a [u8], &'a [u8])> {
    let (covered, code) = covered_and_code.split_at_checked(covered_and_code.len().checked_sub(code_len)?)?;
    // Without the trailer's two bytes the code would cover less than the payload.
    (covered.len() >= PLUS_HEADER + payload.len() + 2).then_some((covered, code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_covered_part_is_a_multiple_of_four() {
        for len in 0..40 {
            assert_eq!(
                encode_sealed(PayloadType::Ipmi, 1, 2, &vec![0; len]).covered().len() % 4,
                0,
                "payload of {len} bytes"
            );
        }
    }

    #[test]
    fn a_session_packet_without_signature_or_encryption_is_refused() {
        let mut bytes = encode_plain(PayloadType::Ipmi, &[1, 2, 3]);
        bytes[6] = 9; // a session id
        for flags in [0, ENCRYPTED, AUTHENTICATED] {
            bytes[5] = flags;
            assert_eq!(Packet::decode(&bytes), None, "flags {flags:#x}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), start in 0usize..3) {
            if start > 0 && bytes.len() > 16 {
                bytes[..4].copy_from_slice(&RMCP);
                bytes[4] = if start == 1 { AUTH_NONE } else { AUTH_RMCP_PLUS };
            }
            if let Some(Packet::Sealed { payload, covered_and_code, .. }) = Packet::decode(&bytes) {
                let _ = split_code(covered_and_code, payload, 12);
            }
        }

        #[test]
        fn a_cut_packet_is_refused_or_read_within_its_bounds(
            payload in proptest::collection::vec(any::<u8>(), 0..64), session in 1u32.., sequence: u32, at: prop::sample::Index,
        ) {
            let bytes = encode_sealed(PayloadType::Sol, session, sequence, &payload).sign(&[7; 12]);
            match Packet::decode(&bytes) {
                Some(Packet::Sealed { kind, session: s, sequence: q, payload: p, covered_and_code }) => {
                    prop_assert_eq!((kind, s, q, p), (PayloadType::Sol, session, sequence, &payload[..]));
                    let (covered, code) = split_code(covered_and_code, p, 12).expect("whole");
                    prop_assert_eq!(covered.len() + 4 + 12, bytes.len());
                    prop_assert_eq!(code, &[7; 12]);
                }
                other => prop_assert!(false, "{:?}", other),
            }
            let cut = &bytes[..at.index(bytes.len())];
            if let Some(Packet::Sealed { payload: p, covered_and_code, .. }) = Packet::decode(cut) {
                let fits = split_code(covered_and_code, p, 12);
                prop_assert!(fits.is_none_or(|(covered, _)| covered.len() >= PLUS_HEADER + payload.len() + 2));
            }
        }
    }
}
