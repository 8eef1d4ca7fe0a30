//! How a message of OMAPI is signed.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::settings::KeyAlgorithm;

/// What an algorithm does with a secret.
impl KeyAlgorithm {
    /// As dhcpd names it; without this ending, which is that of one algorithm of TSIG, it knows none of them.
    pub(super) fn name(self) -> String {
        format!("{}.SIG-ALG.REG.INT.", self.word())
    }

    pub(super) const fn length(self) -> usize {
        match self {
            Self::HmacMd5 => 16,
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
        }
    }

    pub(super) fn sign(self, secret: &[u8], bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::HmacMd5 => sign::<Hmac<Md5>>(secret, bytes).finalize().into_bytes().to_vec(),
            Self::HmacSha1 => sign::<Hmac<Sha1>>(secret, bytes).finalize().into_bytes().to_vec(),
            Self::HmacSha256 => sign::<Hmac<Sha256>>(secret, bytes).finalize().into_bytes().to_vec(),
            Self::HmacSha512 => sign::<Hmac<Sha512>>(secret, bytes).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether a signature is right; how long that takes tells nothing of it.
    pub(super) fn verify(self, secret: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::HmacMd5 => sign::<Hmac<Md5>>(secret, bytes).verify_slice(signature).is_ok(),
            Self::HmacSha1 => sign::<Hmac<Sha1>>(secret, bytes).verify_slice(signature).is_ok(),
            Self::HmacSha256 => sign::<Hmac<Sha256>>(secret, bytes).verify_slice(signature).is_ok(),
            Self::HmacSha512 => sign::<Hmac<Sha512>>(secret, bytes).verify_slice(signature).is_ok(),
        }
    }
}

fn sign<M: Mac + KeyInit>(secret: &[u8], bytes: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of every length").chain_update(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_md5_gives_the_code_of_rfc_2202_case_2() {
        let code = KeyAlgorithm::HmacMd5.sign(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(code[..4], [0x75, 0x0c, 0x78, 0x3e]);
    }

    #[test]
    fn every_algorithm_proves_its_own_signature_and_no_other() {
        use KeyAlgorithm::{HmacMd5, HmacSha1, HmacSha256, HmacSha512};
        for algorithm in [HmacMd5, HmacSha1, HmacSha256, HmacSha512] {
            let code = algorithm.sign(b"secret", b"message");
            assert_eq!(code.len(), algorithm.length());
            assert!(algorithm.verify(b"secret", b"message", &code));
            assert!(!algorithm.verify(b"secrets", b"message", &code));
        }
    }
}
