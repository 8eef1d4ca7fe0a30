//! Which node is reached, as whom, and by which host keys it is known.

use std::fmt;
use std::sync::Arc;

use dip_core::secret::Secret;
use russh::keys::{PrivateKey, decode_secret_key};

use super::HostKeys;

/// A node over SSH.
#[derive(Debug, Clone)]
pub struct Target {
    /// The node, as errors name it.
    pub node: String,
    /// Its address or host name.
    pub address: String,
    /// Its TCP port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// What the user logs in with.
    pub login: Login,
    /// The host keys that it may have; with any other it is not spoken to.
    pub host_keys: HostKeys,
    /// How the user becomes root.
    pub elevation: Elevation,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(f, "{} ({}@[{}]:{})", self.node, self.user, self.address, self.port)
        } else {
            write!(f, "{} ({}@{}:{})", self.node, self.user, self.address, self.port)
        }
    }
}

/// What a user logs in with.
#[derive(Clone)]
pub enum Login {
    /// A private key.
    Key(Arc<PrivateKey>),
    /// A password.
    Password(Secret),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(..)",
            Self::Password(_) => "Password(..)",
        })
    }
}

/// A text is not a private key. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret is not a private key that can be read; it must be an unencrypted Ed25519, ECDSA or RSA key in the format of OpenSSH or PKCS#8"
)]
pub struct LoginError;

impl Login {
    /// Reads a private key.
    ///
    /// # Errors
    /// Where it is not one, or is encrypted.
    pub fn key(text: &Secret) -> Result<Self, LoginError> {
        // The parser's own error may quote what it could not read.
        let key = decode_secret_key(text.expose(), None).map_err(|_| LoginError)?;
        Ok(Self::Key(Arc::new(key)))
    }
}

/// How a user becomes root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Elevation {
    /// Commands run as the user that logs in.
    #[default]
    None,
    /// Commands run by `sudo`, which must not ask for a password.
    Sudo,
}

impl Login {
    /// What it is, for a sentence.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Password(_) => "password",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_secret() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{:?}", Login::Password(secret.clone())), "Password(..)");
        let error = Login::key(&secret).expect_err("it is no key").to_string();
        assert!(!error.contains("horse"), "{error}");
    }

    #[test]
    fn a_target_is_written_so_that_address_and_port_can_be_told_apart() {
        let mut target = Target {
            node: "n1".to_owned(),
            address: "fd00::1".to_owned(),
            port: 2222,
            user: "root".to_owned(),
            login: Login::Password(Secret::new(String::new())),
            host_keys: HostKeys::KnownHosts("/none".into()),
            elevation: Elevation::None,
        };
        assert_eq!(target.to_string(), "n1 (root@[fd00::1]:2222)");
        target.address = "10.0.0.1".to_owned();
        assert_eq!(target.to_string(), "n1 (root@10.0.0.1:2222)");
    }
}
