//! Which host keys a node may have. There is no trust on first use: a key that was never told is refused.

use std::borrow::Cow;
use std::path::PathBuf;

use russh::Preferred;
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::ssh_key::{Algorithm, Fingerprint, HashAlg, PublicKey};

/// The host keys that a node may have.
#[derive(Debug, Clone)]
pub enum HostKeys {
    /// A key with this fingerprint, which is compared with the key that the node prefers to show (Ed25519 where it has one).
    Fingerprint(Fingerprint),
    /// This key.
    Key(Box<PublicKey>),
    /// What a file in the format of OpenSSH's `known_hosts` says; it is read whenever a connection is made.
    KnownHosts(PathBuf),
}

/// Host keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The text is not a host key.
    #[error(
        "`{0}` is not a host key; write its fingerprint (`SHA256:...`, as `ssh-keygen -lf` shows it) or the key itself (`ssh-ed25519 AAAA...`)"
    )]
    Text(String),
    /// The file cannot be used.
    #[error("the host keys in {path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: russh::keys::Error,
    },
    /// The file is not there.
    #[error("the file of host keys {path} cannot be opened")]
    Open {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl HostKeys {
    /// Reads `SHA256:...` or `ssh-ed25519 AAAA...`.
    ///
    /// # Errors
    /// Where the text is neither.
    pub fn parse(text: &str) -> Result<Self, HostKeyError> {
        let text = text.trim();
        let wrong = || HostKeyError::Text(text.to_owned());
        if text.starts_with("SHA256:") {
            return Ok(Self::Fingerprint(text.parse().map_err(|_| wrong())?));
        }
        Ok(Self::Key(Box::new(PublicKey::from_openssh(text).map_err(|_| wrong())?)))
    }

    /// What a node at an address may show.
    pub(super) fn pins(&self, address: &str, port: u16) -> Result<Pins, HostKeyError> {
        match self {
            Self::Fingerprint(fingerprint) => Ok(Pins::Fingerprint(*fingerprint)),
            Self::Key(key) => Ok(Pins::Keys(vec![key.as_ref().clone()])),
            Self::KnownHosts(path) => {
                // The parser takes a missing file for an empty one; a person should hear of it.
                std::fs::metadata(path)
                    .map_err(|source| HostKeyError::Open { path: path.display().to_string(), source })?;
                let found = known_host_keys_path(address, port, path)
                    .map_err(|source| HostKeyError::File { path: path.display().to_string(), source })?;
                Ok(Pins::Keys(found.into_iter().map(|(_, key)| key).collect()))
            }
        }
    }
}

/// The keys that are accepted on one connection.
#[derive(Debug, Clone)]
pub(super) enum Pins {
    Fingerprint(Fingerprint),
    Keys(Vec<PublicKey>),
}

impl Pins {
    pub(super) fn accept(&self, key: &PublicKey) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => key.fingerprint(fingerprint.algorithm()) == *fingerprint,
            // A comment is no part of a key.
            Self::Keys(keys) => keys.iter().any(|known| known.key_data() == key.key_data()),
        }
    }

    /// What is expected, as fingerprints.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Fingerprint(fingerprint) => fingerprint.to_string(),
            Self::Keys(keys) if keys.is_empty() => "no key, because none is listed for it".to_owned(),
            Self::Keys(keys) => {
                let shown: Vec<_> = keys.iter().map(|key| key.fingerprint(HashAlg::Sha256).to_string()).collect();
                shown.join(" or ")
            }
        }
    }

    /// The algorithms to ask for: a node has several host keys and must show one that can be compared.
    pub(super) fn preferred(&self) -> Preferred {
        let Self::Keys(keys) = self else { return Preferred::DEFAULT };
        let algorithms: Vec<Algorithm> = keys.iter().flat_map(|key| asked_for(&key.algorithm())).collect();
        if algorithms.is_empty() {
            return Preferred::DEFAULT;
        }
        Preferred { key: Cow::Owned(algorithms), ..Preferred::DEFAULT }
    }
}

/// An RSA key signs with SHA-2 today, whatever its own type is called.
fn asked_for(algorithm: &Algorithm) -> Vec<Algorithm> {
    if matches!(algorithm, Algorithm::Rsa { .. }) {
        [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).to_vec()
    } else {
        vec![algorithm.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const PRINT: &str = "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).expect("a key")
    }

    #[test]
    fn a_key_is_known_by_itself_and_by_its_fingerprint() {
        for text in [KEY, PRINT, &format!("{KEY} root@n1")] {
            let pins = HostKeys::parse(text).expect("a host key").pins("n1", 22).expect("no file is read");
            assert!(pins.accept(&key(KEY)), "{text}");
            assert!(!pins.accept(&key(OTHER)), "{text}");
            assert_eq!(pins.expected(), PRINT);
        }
    }

    #[test]
    fn what_is_not_a_key_is_told_with_the_way_to_write_one() {
        let error = HostKeys::parse("SHA256:").expect_err("no fingerprint").to_string();
        assert!(error.contains("ssh-keygen -lf"), "{error}");
        assert!(HostKeys::parse("yes").is_err());
    }

    #[test]
    fn an_rsa_host_key_is_asked_for_with_sha2() {
        let rsa = asked_for(&Algorithm::Rsa { hash: None });
        assert_eq!(rsa, [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }));
    }
}
