//! Cipher suites: which algorithms a session uses, as data.
//!
//! Adding a suite is one variant and one row in [`CipherSuite::algorithms`].

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// A cipher suite that dip can speak (§22.15.2, Table 22-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CipherSuite {
    /// Suite 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. Every IPMI 2.0 BMC must offer it.
    C3,
    /// Suite 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    C17,
}

/// Which suites a session may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suites {
    /// The best that dip and the BMC both speak; never one weaker than suite 3.
    #[default]
    Best,
    /// This one and no other: a BMC without it is not talked with.
    Only(CipherSuite),
}

impl CipherSuite {
    /// All that dip speaks, the strongest first.
    pub(super) const BEST_FIRST: [Self; 2] = [Self::C17, Self::C3];

    /// The suite with this number, if dip speaks it.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        Self::BEST_FIRST.into_iter().find(|suite| suite.number() == number)
    }

    /// The number of the suite, as `ipmitool -C` takes it.
    pub fn number(self) -> u8 {
        match self {
            Self::C3 => 3,
            Self::C17 => 17,
        }
    }

    pub(super) fn algorithms(self) -> Algorithms {
        match self {
            Self::C3 => Algorithms {
                authentication: 0x01,
                integrity: 0x01,
                confidentiality: 0x01,
                digest: Digest::Sha1,
                rakp4_code_len: 12,
                integrity_code_len: 12,
            },
            Self::C17 => Algorithms {
                authentication: 0x03,
                integrity: 0x04,
                confidentiality: 0x01,
                digest: Digest::Sha256,
                rakp4_code_len: 16,
                integrity_code_len: 16,
            },
        }
    }
}

/// The algorithm numbers of a suite and the sizes that follow from them (§13.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithms {
    pub(super) authentication: u8,
    pub(super) integrity: u8,
    pub(super) confidentiality: u8,
    /// The hash under all keyed codes of the suite.
    pub(super) digest: Digest,
    /// Bytes of the integrity check value in RAKP message 4.
    pub(super) rakp4_code_len: usize,
    /// Bytes of the code at the end of each packet of the session.
    pub(super) integrity_code_len: usize,
}

/// A hash function, used as HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

impl Digest {
    /// The HMAC of `parts`, one after the other, under `key`.
    pub(super) fn code(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => feed::<Hmac<Sha1>>(key, parts).finalize().into_bytes().to_vec(),
            Self::Sha256 => feed::<Hmac<Sha256>>(key, parts).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `code` is the beginning of the HMAC of `parts`; takes the same time wherever they differ.
    pub(super) fn verify(self, key: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
        match self {
            Self::Sha1 => feed::<Hmac<Sha1>>(key, parts).verify_truncated_left(code).is_ok(),
            Self::Sha256 => feed::<Hmac<Sha256>>(key, parts).verify_truncated_left(code).is_ok(),
        }
    }

    /// Bytes of the full code.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

fn feed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_sha256_gives_the_code_of_rfc_4231_case_2() {
        let code = Digest::Sha256.code(b"Jefe", &[b"what do ya want for nothing?"]);
        assert_eq!(code[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(code.len(), Digest::Sha256.len());
    }

    #[test]
    fn hmac_sha1_gives_the_code_of_rfc_2202_case_2() {
        let code = Digest::Sha1.code(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(code[..4], [0xef, 0xfc, 0xdf, 0x6a]);
        assert_eq!(code.len(), Digest::Sha1.len());
        assert!(Digest::Sha1.verify(b"Jefe", &[b"what do ya want for nothing?"], &code[..12]));
        assert!(!Digest::Sha1.verify(b"jefe", &[b"what do ya want for nothing?"], &code[..12]));
    }
}
