//! A certificate authority of the site: whoever signs for its servers. Several layers act through it.

use std::time::Duration;

use async_trait::async_trait;

use super::ProviderError;
use crate::certificate::CertificateName;

/// A certificate that is wanted for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateWish {
    /// The request of the server (PKCS #10, in PEM), by which it proves its key.
    pub request: String,
    /// For what it is, the name that people know it by first; at least one.
    pub names: Vec<CertificateName>,
    /// For how long it should count; an authority may give less.
    pub lifetime: Duration,
}

/// A certificate authority.
///
/// # Contract
/// * Of a request only the key is believed. The names are those of the wish.
/// * `sign` of the same request twice gives a certificate for the same key. An authority with a register gives the same certificate
///   again, so that a caller that lost the first answer does not leave a serial number behind.
/// * A request that does not prove its key is [`ErrorKind::Invalid`](super::ErrorKind::Invalid); what the authority may not or will not
///   sign is [`ErrorKind::Denied`](super::ErrorKind::Denied).
#[async_trait]
pub trait CertificateAuthority: Send + Sync {
    /// The certificates, in PEM, that whoever meets a server of the site trusts: the authority's own, and those above it.
    fn anchors(&self) -> &str;

    /// Signs, and gives the certificate in PEM, with those after it that stand between it and the anchors.
    async fn sign(&self, wish: &CertificateWish) -> Result<String, ProviderError>;
}
