//! An authority that signs SSH keys.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::ProviderError;

/// A certificate that is wanted for an SSH key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshWish {
    /// The public key as one line, `ssh-ed25519 AAAA...`.
    pub key: String,
    /// Whose key it is.
    pub holder: SshHolder,
    /// The names of the host, or of the users that it may log in as; at least one.
    pub principals: Vec<String>,
    /// For how long it should count.
    pub lifetime: Duration,
}

/// Whose key an SSH certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SshHolder {
    /// A host's.
    Host,
    /// A user's.
    User,
}

/// An authority that signs SSH keys (OpenSSH, PROTOCOL.certkeys).
///
/// # Contract
/// * The certificate is for the key and the principals of the wish, and for nobody else.
/// * A key that cannot be read is `Invalid`; what the authority will not sign is `Denied`.
#[async_trait]
pub trait SshAuthority: Send + Sync {
    /// Its public key as one line without a comment.
    fn public_key(&self) -> &str;

    /// Signs, and gives the certificate as one line.
    async fn sign(&self, wish: &SshWish) -> Result<String, ProviderError>;
}
