//! Whom to trust: the roots of this system, the site's own roots, or the one certificate that the site file pins by its fingerprint.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::error::RedfishError;
use crate::settings::{RedfishSettings, Scheme};

/// The SHA-256 fingerprint of a certificate, written in hexadecimal with or without `:`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

/// A text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a SHA-256 fingerprint: write its 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` does"
)]
pub struct FingerprintError(String);

impl Fingerprint {
    /// The fingerprint of a certificate (DER).
    pub(super) fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let wrong = || FingerprintError(text.to_owned());
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        if digits.len() == 64 { bytes.try_into().map(Self).map_err(|_| wrong()) } else { Err(wrong()) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The server showed another certificate than the pinned one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the BMC shows another certificate, with the fingerprint {shown}, than the pinned {pinned}")]
pub(super) struct OtherCertificate {
    shown: Fingerprint,
    pinned: Fingerprint,
}

/// A client that trusts whom the settings say.
pub(super) fn trusting(builder: ClientBuilder, settings: &RedfishSettings) -> Result<ClientBuilder, RedfishError> {
    let failed = |error: rustls::Error| RedfishError::Tls(error.into());
    match (&settings.tls_fingerprint, &settings.ca_file, settings.scheme) {
        (Some(_), _, Scheme::Http) => Err(RedfishError::FingerprintWithoutTls),
        (None, Some(_), Scheme::Http) => Err(RedfishError::CaFileWithoutTls),
        (Some(_), Some(_), Scheme::Https) => Err(RedfishError::TwoTrusts),
        (Some(fingerprint), None, Scheme::Https) => {
            let config = pinned(fingerprint.parse()?).map_err(failed)?;
            Ok(builder.tls_backend_preconfigured(config))
        }
        (None, Some(file), Scheme::Https) => {
            let config = signed_by(roots(file)?).map_err(failed)?;
            Ok(builder.tls_backend_preconfigured(config))
        }
        (None, None, _) => {
            install_provider();
            Ok(builder)
        }
    }
}

/// The certificates of a PEM file.
fn roots(file: &str) -> Result<RootCertStore, RedfishError> {
    let wrong = |why: String| RedfishError::CaFile(file.to_owned(), why);
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("it holds no certificate in PEM".to_owned())) } else { Ok(roots) }
}

/// TLS that trusts what these roots have signed, for the name that is asked for.
fn signed_by(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The process's TLS provider: ours, unless the embedding program chose one.
fn install_provider() {
    // An error says that there is one already, which is as good.
    let _ = ring::default_provider().install_default();
}

/// TLS that trusts one certificate and no other.
fn pinned(pinned: Fingerprint) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Pinned { pinned, provider: Arc::clone(&provider) });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Checks that the server has the pinned certificate *and* its key. Names, dates and issuers of BMC certificates are rarely right.
#[derive(Debug)]
struct Pinned {
    pinned: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if shown == self.pinned {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherCertificate { shown, pinned: self.pinned };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_tools_write_it() {
        let plain = "00ff".repeat(16);
        let colons = "00:FF:".repeat(16);
        let read: Fingerprint = plain.parse().expect("64 digits");
        assert_eq!(colons.trim_end_matches(':').parse(), Ok(read));
        assert_eq!(read.to_string(), plain);
        for wrong in ["", "00ff", "sha256:00", &"0g".repeat(32), &"00".repeat(33), &"0".repeat(63)] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
