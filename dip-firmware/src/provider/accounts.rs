//! The users of a controller itself.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use dip_core::secret::Secret;
use serde::{Deserialize, Serialize};

/// What a user may do (IPMI 2.0, 6.8; Redfish DSP0266, standard roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    None,
    /// Look.
    ReadOnly,
    /// Look, and switch the machine.
    Operator,
    /// Everything.
    Administrator,
}

/// A user of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The controller's own id of it: an IPMI user id from 1, or the last part of a Redfish URI.
    pub id: String,
    /// The name; empty for an anonymous user.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub enabled: bool,
}

/// How a controller guards against guessing. A number of 0 is told as `None`: it is not guarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockoutPolicy {
    /// After so many wrong passwords a user is locked.
    pub after: Option<u32>,
    /// For so many seconds.
    pub seconds: Option<u32>,
}

/// The users of one controller.
///
/// # Contract
/// * Passwords are never told, logged or kept.
/// * Each verb twice is once; `remove` of a user who is not there is `Ok(())`.
/// * `set_password` of the user who calls it leaves the provider with the former password: whoever rotates makes a new one.
/// * `has_password` costs at most one failed login, and never more than the lock-out policy leaves.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// All users, in the controller's order; places that are free are left out.
    async fn list(&self) -> Result<Vec<Account>, ProviderError>;

    /// Makes a user, or gives the one of this name this password and role, and lets it log in.
    async fn set(&self, name: &str, password: &Secret, role: Role) -> Result<(), ProviderError>;

    /// Gives an existing user another password and nothing else.
    async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ProviderError>;

    /// Whether the user's password is this one, found out by a login or the controller's own test (IPMI 2.0, 22.30).
    async fn has_password(&self, name: &str, password: &Secret) -> Result<bool, ProviderError>;

    /// Lets a user log in no longer, and leaves it there.
    async fn disable(&self, name: &str) -> Result<(), ProviderError>;

    /// Takes a user away.
    async fn remove(&self, name: &str) -> Result<(), ProviderError>;

    /// How the controller guards against guessing; `None` where it does not tell.
    async fn lockout(&self) -> Result<Option<LockoutPolicy>, ProviderError>;
}
