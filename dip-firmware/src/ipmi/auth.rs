//! RAKP: the codes that prove a password without sending it, and the keys of the session (§13.28, §13.31, §13.32).

use zeroize::Zeroizing;

use super::credentials::PASSWORD_LEN;
use super::suite::{Algorithms, Digest};

/// All that both sides know after RAKP message 2.
pub(super) struct Exchange<'a> {
    /// SID_M: the console's session id.
    pub(super) console_session: u32,
    /// SID_C: the BMC's session id.
    pub(super) bmc_session: u32,
    /// R_M: the console's random number.
    pub(super) console_random: &'a [u8; 16],
    /// R_C: the BMC's random number.
    pub(super) bmc_random: &'a [u8; 16],
    /// GUID_C: who the BMC is.
    pub(super) bmc_guid: &'a [u8; 16],
    /// Role_M: requested privilege and kind of look-up, as in RAKP message 1.
    pub(super) role: u8,
    pub(super) user: &'a [u8],
}

impl Exchange<'_> {
    /// The code for RAKP message 2, which proves the password to the console.
    #[cfg(any(test, feature = "responder"))]
    pub(super) fn rakp2(&self, digest: Digest, password: &UserKey) -> Vec<u8> {
        digest.code(&password.0[..], &self.rakp2_parts(&self.sessions(), &self.role_and_len()))
    }

    /// Whether `code` of RAKP message 2 was made by somebody who knows the password.
    pub(super) fn verify_rakp2(&self, digest: Digest, password: &UserKey, code: &[u8]) -> bool {
        let parts = (self.sessions(), self.role_and_len());
        code.len() == digest.len() && digest.verify(&password.0[..], &self.rakp2_parts(&parts.0, &parts.1), code)
    }

    /// The code for RAKP message 3, which proves the password to the BMC.
    pub(super) fn rakp3(&self, digest: Digest, password: &UserKey) -> Vec<u8> {
        let sid = self.console_session.to_le_bytes();
        digest.code(&password.0[..], &[self.bmc_random, &sid, &self.role_and_len(), self.user])
    }

    /// The session integrity key, from which all other keys come.
    pub(super) fn session_key(&self, digest: Digest, bmc_key: &UserKey) -> Zeroizing<Vec<u8>> {
        let parts: [&[u8]; 4] = [self.console_random, self.bmc_random, &self.role_and_len(), self.user];
        Zeroizing::new(digest.code(&bmc_key.0[..], &parts))
    }

    /// The code for RAKP message 4, which proves the session integrity key to the console.
    #[cfg(any(test, feature = "responder"))]
    pub(super) fn rakp4(&self, algorithms: Algorithms, session_key: &[u8]) -> Vec<u8> {
        let sid = self.bmc_session.to_le_bytes();
        let mut code = algorithms.digest.code(session_key, &[self.console_random, &sid, self.bmc_guid]);
        code.truncate(algorithms.rakp4_code_len);
        code
    }

    /// Whether `code` of RAKP message 4 was made by somebody who has the session integrity key.
    pub(super) fn verify_rakp4(&self, algorithms: Algorithms, session_key: &[u8], code: &[u8]) -> bool {
        let sid = self.bmc_session.to_le_bytes();
        code.len() == algorithms.rakp4_code_len
            && algorithms.digest.verify(session_key, &[self.console_random, &sid, self.bmc_guid], code)
    }

    /// SID_M and SID_C, one after the other.
    fn sessions(&self) -> [u8; 8] {
        let both = u64::from(self.bmc_session) << 32 | u64::from(self.console_session);
        both.to_le_bytes()
    }

    fn rakp2_parts<'a>(&'a self, sessions: &'a [u8; 8], role_and_len: &'a [u8; 2]) -> [&'a [u8]; 6] {
        [sessions, self.console_random, self.bmc_random, self.bmc_guid, role_and_len, self.user]
    }

    fn role_and_len(&self) -> [u8; 2] {
        [self.role, u8::try_from(self.user.len()).expect("user names have at most 16 bytes")]
    }
}

/// A password as RAKP keys: 20 bytes, filled up with zeros.
#[derive(Clone)]
pub(super) struct UserKey(Zeroizing<[u8; PASSWORD_LEN]>);

impl UserKey {
    pub(super) fn new(password: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; PASSWORD_LEN]);
        for (to, from) in key.iter_mut().zip(password) {
            *to = *from;
        }
        Self(key)
    }
}

/// The keys that protect the packets of a session.
pub(super) struct SessionKeys {
    /// K1, for the code at the end of each packet.
    pub(super) integrity: Zeroizing<Vec<u8>>,
    /// The first 16 bytes of K2, for AES.
    pub(super) confidentiality: Zeroizing<[u8; 16]>,
}

impl SessionKeys {
    pub(super) fn derive(digest: Digest, session_key: &[u8]) -> Self {
        let integrity = Zeroizing::new(digest.code(session_key, &[&[0x01; 20]]));
        let k2 = Zeroizing::new(digest.code(session_key, &[&[0x02; 20]]));
        let mut confidentiality = Zeroizing::new([0; 16]);
        confidentiality.copy_from_slice(&k2[..16]);
        Self { integrity, confidentiality }
    }
}
