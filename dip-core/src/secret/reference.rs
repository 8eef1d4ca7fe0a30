//! References to secrets, and those who resolve them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{DirectoryStore, SecretStore};

/// Where a secret is: `env:NAME`, `file:PATH` or `store:PATH` (relative to the site file).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// An environment variable of the program that runs dip.
    Env(String),
    /// A file; one newline at its end does not belong to the secret.
    File(PathBuf),
    /// A place in a store of secrets that dip makes itself; the version that was proved last counts. Each node has its own below the
    /// place that the site file names, by its name.
    Store(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Store(path) => write!(f, "store:{}", path.display()),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is not a reference to a secret. The text is not repeated: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is given by reference, as `env:NAME`, `file:PATH` or `store:PATH`, never by its value")]
pub struct SecretRefError;

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("store", path)) if !path.is_empty() => Ok(Self::Store(PathBuf::from(path))),
            _ => Err(SecretRefError),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A secret in memory: wiped when dropped, without `Display` and `Serialize`, and with a `Debug` that shows nothing.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or is not text.
    #[error("secret `{0}` cannot be read: set that environment variable")]
    Env(SecretRef),
    /// The file cannot be read.
    #[error("secret `{reference}` cannot be read")]
    File {
        /// Where the secret should be.
        reference: SecretRef,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The store holds no version that was proved.
    #[error(
        "secret `{0}` has no version that is known to work; `dip apply` makes one where the site file says how to begin"
    )]
    Unproved(SecretRef),
    /// The reference is to no place in a store.
    #[error("secret `{0}` is not in a store, so dip cannot make it; write `store:PATH`")]
    NoStore(SecretRef),
}

/// Resolves references to secrets, at the edge, by the worker that needs them.
pub trait Secrets: Send + Sync {
    /// Reads a secret.
    ///
    /// # Errors
    /// Where it is not there; the error names the reference and never the secret.
    fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError>;

    /// Where secrets are kept that dip makes itself; `None` where this program keeps none.
    fn store(&self) -> Option<Arc<dyn SecretStore>> {
        None
    }
}

/// Secrets from the environment and from files, relative to one directory.
#[derive(Debug, Clone)]
pub struct LocalSecrets {
    base: PathBuf,
}

impl LocalSecrets {
    /// Secrets whose relative paths start at `base` (the directory of the site file).
    #[must_use]
    pub fn new(base: &Path) -> Self {
        Self { base: base.to_owned() }
    }
}

impl Secrets for LocalSecrets {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        match reference {
            SecretRef::Env(name) => {
                std::env::var(name).map(Secret::new).map_err(|_| SecretError::Env(reference.clone()))
            }
            SecretRef::File(path) => {
                let mut text = std::fs::read_to_string(self.base.join(path))
                    .map_err(|source| SecretError::File { reference: reference.clone(), source })?;
                if text.ends_with('\n') {
                    text.pop();
                }
                Ok(Secret::new(text))
            }
            SecretRef::Store(_) => DirectoryStore::new(&self.base).current(reference),
        }
    }

    fn store(&self) -> Option<Arc<dyn SecretStore>> {
        Some(Arc::new(DirectoryStore::new(&self.base)))
    }
}
