//! The contract of a store of secrets that dip makes itself: versions, and how far each has come.

use std::collections::BTreeMap;
use std::fmt;

use super::{Secret, SecretError, SecretRef};

/// How far a version of a secret has come, on its way to being the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It was made, and nobody was told.
    Minted,
    /// It is being given to whoever uses it: whether that arrived is not known.
    Sent,
    /// It was used, and it works.
    Proved,
    /// It was used, and refused. It is not used again before it was sent again, or a person says so.
    Refused,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Minted => "minted",
            Self::Sent => "sent",
            Self::Proved => "proved",
            Self::Refused => "refused",
        })
    }
}

/// The versions of one secret by their numbers.
pub type Versions = BTreeMap<u32, Standing>;

/// Where the secrets are that dip makes, each in versions from 1; version 0 is one that is kept elsewhere (the factory's), of
/// which only the standing is known here.
///
/// # Contract
/// * What a call has returned from survives a crash of this program and of its machine. An interrupted call has happened or has not.
/// * `create` never changes a secret that is there: of two who create the same version, both get the first one's.
/// * No error, log or name tells a secret.
pub trait SecretStore: Send + Sync + fmt::Debug {
    /// The versions that are there, and how far each has come.
    ///
    /// # Errors
    /// Where the store cannot be read, or the reference is to no place in a store.
    fn versions(&self, at: &SecretRef) -> Result<Versions, SecretError>;

    /// A version; `None` where it is not there.
    ///
    /// # Errors
    /// As [`Self::versions`].
    fn version(&self, at: &SecretRef, version: u32) -> Result<Option<Secret>, SecretError>;

    /// Keeps a secret as a version, unless that is there already; gives the one that is there then.
    ///
    /// # Errors
    /// Where it cannot be written; the secret must then not be used.
    fn create(&self, at: &SecretRef, version: u32, secret: &Secret) -> Result<Secret, SecretError>;

    /// Notes how far a version has come.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn mark(&self, at: &SecretRef, version: u32, standing: Standing) -> Result<(), SecretError>;

    /// Forgets a version and how far it had come; one that is not there is `Ok(())`.
    ///
    /// # Errors
    /// Where it cannot be removed.
    fn retire(&self, at: &SecretRef, version: u32) -> Result<(), SecretError>;
}

/// The version in use: the newest that was proved.
pub(super) fn in_use(versions: &Versions) -> Option<u32> {
    versions.iter().rev().find(|(_, standing)| **standing == Standing::Proved).map(|(version, _)| *version)
}
