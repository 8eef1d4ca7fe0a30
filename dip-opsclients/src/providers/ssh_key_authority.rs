//! An SSH authority whose key dip is given: it signs in this program.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::secret::Secret;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::getrandom::SysRng;
use ssh_key::rand_core::UnwrapErr;
use ssh_key::{PrivateKey, PublicKey};

use crate::provider::{SshAuthority, SshHolder, SshWish};

/// The name by which errors call it.
const PROVIDER: &str = "ssh authority";

/// A host's clock may be behind: a certificate counts from a little before it was signed.
const BACKDATED: Duration = Duration::from_secs(3600);

/// An authority whose private key is here. It keeps no register of what it signed.
pub struct SshKeyAuthority {
    key: PrivateKey,
    public: String,
}

/// An SSH authority cannot be made of a key.
#[derive(Debug, thiserror::Error)]
#[error(
    "its key cannot be read; give an unencrypted private key in the format of OpenSSH, as `ssh-keygen -t ed25519` writes it"
)]
pub struct SshAuthorityError;

impl SshKeyAuthority {
    /// An authority by its private key in the format of OpenSSH.
    ///
    /// # Errors
    /// Where it cannot be read, or is encrypted. What is in it is not told.
    pub fn new(key: &Secret) -> Result<Self, SshAuthorityError> {
        let mut key = PrivateKey::from_openssh(key.expose()).map_err(|_| SshAuthorityError)?;
        if key.is_encrypted() {
            return Err(SshAuthorityError);
        }
        key.set_comment("");
        let public = key.public_key().to_openssh().map_err(|_| SshAuthorityError)?.trim().to_owned();
        Ok(Self { key, public })
    }

    fn sign_at(&self, wish: &SshWish, now: SystemTime) -> Result<String, ssh_key::Error> {
        let key: PublicKey = wish.key.parse()?;
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut builder = Builder::new_with_random_nonce(
            &mut UnwrapErr(SysRng),
            key.key_data().clone(),
            seconds(now - BACKDATED),
            seconds(now + wish.lifetime),
        )?;
        // The time of signing in nanoseconds is never the same twice.
        let serial = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        builder.serial(u64::try_from(serial).unwrap_or(u64::MAX))?;
        builder.cert_type(match wish.holder {
            SshHolder::Host => CertType::Host,
            SshHolder::User => CertType::User,
        })?;
        builder.key_id(wish.principals.first().cloned().unwrap_or_default())?;
        for principal in &wish.principals {
            builder.valid_principal(principal)?;
        }
        if wish.holder == SshHolder::User {
            // Without it a login may run a command and have no terminal.
            builder.extension("permit-pty", "")?;
        }
        builder.sign(&self.key)?.to_openssh()
    }
}

impl fmt::Debug for SshKeyAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshKeyAuthority").field("public", &self.public).finish_non_exhaustive()
    }
}

#[async_trait]
impl SshAuthority for SshKeyAuthority {
    fn public_key(&self) -> &str {
        &self.public
    }

    async fn sign(&self, wish: &SshWish) -> Result<String, ProviderError> {
        let called = wish.principals.first().map_or("nobody", String::as_str);
        let failed = |kind| ProviderError::new(kind, PROVIDER, format!("sign the key of `{called}`"));
        if wish.principals.is_empty() {
            // OpenSSH takes a certificate without principals for one of everybody.
            return Err(failed(ErrorKind::Denied).because("a certificate for no name would count for all"));
        }
        self.sign_at(wish, SystemTime::now()).map_err(|error| failed(ErrorKind::Invalid).because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssh_key::{Algorithm, Certificate};

    fn key() -> PrivateKey {
        PrivateKey::random(&mut UnwrapErr(SysRng), Algorithm::Ed25519).expect("a key")
    }

    fn authority() -> SshKeyAuthority {
        let text = key().to_openssh(ssh_key::LineEnding::LF).expect("it can be written");
        SshKeyAuthority::new(&Secret::new(text.to_string())).expect("it is a key")
    }

    fn wish() -> SshWish {
        SshWish {
            key: key().public_key().to_openssh().expect("it can be written"),
            holder: SshHolder::Host,
            principals: vec!["n1.lab.example".to_owned(), "10.1.0.11".to_owned()],
            lifetime: Duration::from_secs(3600),
        }
    }

    #[tokio::test]
    async fn a_certificate_is_for_the_key_and_the_names_of_the_wish_alone() {
        let (authority, wish) = (authority(), wish());
        let line = authority.sign(&wish).await.expect("it signs");
        let certificate = Certificate::from_openssh(&line).expect("a certificate");
        assert_eq!(certificate.cert_type(), CertType::Host);
        assert_eq!(certificate.valid_principals(), wish.principals);
        let asked: PublicKey = wish.key.parse().expect("a key");
        assert_eq!(certificate.public_key(), asked.key_data());
        let trusted: PublicKey = authority.public_key().parse().expect("a key");
        certificate.validate([&trusted.fingerprint(ssh_key::HashAlg::Sha256)]).expect("it is signed and counts now");
    }

    #[tokio::test]
    async fn a_certificate_for_everybody_is_denied_and_a_key_that_is_none_invalid() {
        let nobody = SshWish { principals: Vec::new(), ..wish() };
        assert_eq!(authority().sign(&nobody).await.expect_err("it is denied").kind(), ErrorKind::Denied);
        let broken = SshWish { key: "ssh-ed25519 AAAA".to_owned(), ..wish() };
        assert_eq!(authority().sign(&broken).await.expect_err("it is no key").kind(), ErrorKind::Invalid);
    }

    #[test]
    fn a_key_that_cannot_be_used_is_not_told() {
        let error = SshKeyAuthority::new(&Secret::new("hunter2".to_owned())).expect_err("it is no key");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
