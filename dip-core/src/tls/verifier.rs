//! Whom to trust is decided by a judge; that a server has the key of what it shows is checked for all of them.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

/// What a server shows in a handshake, and whom it is taken for.
#[derive(Debug)]
pub struct Shown<'a> {
    /// Its own certificate.
    pub certificate: &'a CertificateDer<'a>,
    /// Those between it and a root.
    pub between: &'a [CertificateDer<'a>],
    /// The name or address that was asked.
    pub name: &'a ServerName<'a>,
    /// What its authority says of the certificate (OCSP), if it was sent.
    pub ocsp: &'a [u8],
    /// The time now.
    pub now: UnixTime,
}

/// Decides whether a server is the one that is meant.
pub trait Judge: fmt::Debug + Send + Sync {
    /// Whether it is, by what it shows.
    ///
    /// # Errors
    /// Why it is not.
    fn judge(&self, shown: &Shown<'_>) -> Result<ServerCertVerified, rustls::Error>;
}

/// A client that trusts whom a judge trusts, once they have proved to have the key of their certificate.
///
/// # Panics
/// Never: `ring` speaks TLS 1.2 and 1.3.
#[must_use]
pub fn client_config(judge: Arc<dyn Judge>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { judge, provider: Arc::clone(&provider) };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Verifier {
    judge: Arc<dyn Judge>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.judge.judge(&Shown { certificate, between, name, ocsp, now })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
