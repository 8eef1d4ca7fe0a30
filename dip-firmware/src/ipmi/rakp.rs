//! The messages that open a session: Open Session and RAKP 1 to 4 (§13.17 to §13.24).

use std::fmt;

use super::suite::Algorithms;

/// Which message of the opening a BMC answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RakpStep {
    /// Open Session Request.
    OpenSession,
    /// RAKP message 1, which names the user.
    Rakp1,
    /// RAKP message 3, which proves the password.
    Rakp3,
}

impl fmt::Display for RakpStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSession => "Open Session Request",
            Self::Rakp1 => "RAKP message 1",
            Self::Rakp3 => "RAKP message 3",
        })
    }
}

/// Why a BMC does not go on with the opening (§13.24, Table 13-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RakpStatus(u8);

impl RakpStatus {
    pub(super) const UNAUTHORIZED_NAME: Self = Self(0x0D);
    pub(super) const INVALID_CODE: Self = Self(0x0F);

    /// The status as a number.
    pub fn value(self) -> u8 {
        self.0
    }

    /// Whether the account lacks the privilege.
    pub(super) fn is_about_privilege(self) -> bool {
        matches!(self.0, 0x09 | 0x0A)
    }

    /// Whether no suite was agreed on.
    pub(super) fn is_about_suite(self) -> bool {
        matches!(self.0, 0x04..=0x07 | 0x10 | 0x11)
    }

    fn name(self) -> &'static str {
        match self.0 {
            0x01 => "no resources for another session",
            0x02 => "invalid session id",
            0x03 => "invalid payload type",
            0x04 => "invalid authentication algorithm",
            0x05 => "invalid integrity algorithm",
            0x06 => "no matching authentication payload",
            0x07 => "no matching integrity payload",
            0x08 => "inactive session id",
            0x09 => "invalid role",
            0x0A => "unauthorized role or privilege level",
            0x0B => "no resources for another session of this role",
            0x0C => "invalid name length",
            0x0D => "unauthorized name",
            0x0E => "unauthorized GUID",
            0x0F => "invalid integrity check value",
            0x10 => "invalid confidentiality algorithm",
            0x11 => "no cipher suite matches",
            0x12 => "illegal or unrecognized parameter",
            _ => "reserved status",
        }
    }
}

impl fmt::Display for RakpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.name(), self.0)
    }
}

/// Open Session Request (§13.17): one proposal, the highest privilege that goes with it.
pub(super) fn open_session_request(tag: u8, console_session: u32, algorithms: Algorithms) -> Vec<u8> {
    let mut out = vec![tag, 0, 0, 0];
    out.extend(console_session.to_le_bytes());
    for (kind, algorithm) in proposals(algorithms) {
        out.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
    out
}

fn proposals(algorithms: Algorithms) -> [(u8, u8); 3] {
    [(0, algorithms.authentication), (1, algorithms.integrity), (2, algorithms.confidentiality)]
}

/// RAKP message 1 (§13.20).
pub(super) fn rakp1(tag: u8, bmc_session: u32, random: &[u8; 16], role: u8, user: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0, 0, 0];
    out.extend(bmc_session.to_le_bytes());
    out.extend(random);
    out.extend([role, 0, 0, u8::try_from(user.len()).expect("user names have at most 16 bytes")]);
    out.extend(user);
    out
}

/// RAKP message 3 (§13.22); with a status it tells the BMC to forget the session.
pub(super) fn rakp3(tag: u8, status: u8, bmc_session: u32, code: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, status, 0, 0];
    out.extend(bmc_session.to_le_bytes());
    out.extend(code);
    out
}

/// An answer to one of our messages: whose it is, and either its contents or the reason why not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<T> {
    pub(super) tag: u8,
    /// Absent when a refusal was cut off before it.
    pub(super) console_session: Option<u32>,
    pub(super) body: Result<T, RakpStatus>,
}

/// Open Session Response (§13.18).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) bmc_session: u32,
    /// The algorithms chosen: authentication, integrity, confidentiality.
    pub(super) chosen: [u8; 3],
}

impl Opened {
    pub(super) fn agrees_to(&self, algorithms: Algorithms) -> bool {
        self.chosen == proposals(algorithms).map(|(_, algorithm)| algorithm)
    }
}

/// RAKP message 2 (§13.21).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rakp2<'a> {
    pub(super) bmc_random: [u8; 16],
    pub(super) bmc_guid: [u8; 16],
    pub(super) code: &'a [u8],
}

/// RAKP message 4 (§13.23).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rakp4<'a> {
    pub(super) code: &'a [u8],
}

pub(super) fn read_open_session(payload: &[u8]) -> Option<Answer<Opened>> {
    answer(payload, |body| {
        let (session, records) = body.split_first_chunk::<4>()?;
        let (records, _) = records.split_first_chunk::<24>()?;
        let chosen = [records[4] & 0x3F, records[12] & 0x3F, records[20] & 0x3F];
        Some(Opened { bmc_session: u32::from_le_bytes(*session), chosen })
    })
}

pub(super) fn read_rakp2(payload: &[u8]) -> Option<Answer<Rakp2<'_>>> {
    answer(payload, |body| {
        let (random, body) = body.split_first_chunk::<16>()?;
        let (guid, code) = body.split_first_chunk::<16>()?;
        Some(Rakp2 { bmc_random: *random, bmc_guid: *guid, code })
    })
}

pub(super) fn read_rakp4(payload: &[u8]) -> Option<Answer<Rakp4<'_>>> {
    answer(payload, |code| Some(Rakp4 { code }))
}

fn answer<'a, T>(payload: &'a [u8], read: impl FnOnce(&'a [u8]) -> Option<T>) -> Option<Answer<T>> {
    let [tag, status, ..] = *payload else {
        return None;
    };
    let console_session = payload.get(4..8).and_then(|bytes| bytes.first_chunk()).copied().map(u32::from_le_bytes);
    let body = match status {
        0 => Ok(read(payload.get(8..)?)?),
        status => Err(RakpStatus(status)),
    };
    Some(Answer { tag, console_session, body })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ipmi::suite::CipherSuite;

    #[test]
    fn an_open_session_request_has_the_bytes_of_the_specification() {
        let bytes = open_session_request(7, 0xA0A2_A3A4, CipherSuite::C3.algorithms());
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[..8], [7, 0, 0, 0, 0xA4, 0xA3, 0xA2, 0xA0]);
        assert_eq!(bytes[8..16], [0, 0, 0, 8, 1, 0, 0, 0]);
        assert_eq!(bytes[24..], [2, 0, 0, 8, 1, 0, 0, 0]);
    }

    #[test]
    fn a_refusal_may_be_cut_after_its_status() {
        let cut = read_rakp2(&[3, 0x0D]).expect("tag and status are there");
        assert_eq!((cut.tag, cut.console_session, cut.body), (3, None, Err(RakpStatus::UNAUTHORIZED_NAME)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), success: bool) {
            if success && bytes.len() > 1 {
                bytes[1] = 0;
            }
            let _ = (read_open_session(&bytes), read_rakp2(&bytes), read_rakp4(&bytes));
        }
    }
}
