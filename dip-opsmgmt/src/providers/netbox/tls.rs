//! Whom to trust: the roots of this system, those of the site, or the one certificate that the site pins by its fingerprint.

use std::sync::Arc;

use dip_core::certificate::SeenCertificate;
use reqwest::{Certificate, ClientBuilder, Url};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};

use super::SettingsError;
use crate::settings::NetboxSettings;

/// A client that trusts whom the settings say.
pub(super) fn trusting(
    builder: ClientBuilder,
    settings: &NetboxSettings,
    base: &Url,
) -> Result<ClientBuilder, SettingsError> {
    match (&settings.tls_fingerprint, &settings.ca_file) {
        (None, None) => Ok(builder),
        (Some(_), _) if base.scheme() != "https" => Err(SettingsError::FingerprintWithoutTls),
        (Some(_), Some(_)) => Err(SettingsError::TwoTrusts),
        (None, Some(file)) => {
            let wrong = |why: String| SettingsError::CaFile(file.display().to_string(), why);
            let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let roots = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            if roots.is_empty() {
                return Err(wrong("it holds none".to_owned()));
            }
            Ok(builder.tls_certs_only(roots))
        }
        (Some(text), None) => {
            let pinned = fingerprint(text).ok_or_else(|| SettingsError::Fingerprint(text.clone()))?;
            let provider = Arc::new(ring::default_provider());
            let verifier = Arc::new(Pinned { pinned, provider: Arc::clone(&provider) });
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring speaks TLS 1.2 and 1.3")
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            Ok(builder.tls_backend_preconfigured(config))
        }
    }
}

/// The 64 digits of a fingerprint as [`SeenCertificate::fingerprint`] writes them; `None` for a text that is none.
fn fingerprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// The server showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("it shows another certificate, with the fingerprint {shown}, than the pinned {pinned}")]
struct OtherCertificate {
    shown: String,
    pinned: String,
}

/// Checks that the server has the key of the pinned certificate. Its names, dates and issuer say nothing then.
#[derive(Debug)]
struct Pinned {
    pinned: String,
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
        let seen = SeenCertificate::from_der(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let shown = seen.fingerprint();
        if shown == self.pinned {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(OtherCertificate { shown, pinned: self.pinned.clone() }));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
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
        assert_eq!(fingerprint("00:FF:".repeat(16).trim_end_matches(':')), Some(plain.clone()));
        assert_eq!(fingerprint(&plain), Some(plain));
        for wrong in ["", "00ff", &"0g".repeat(32), &"00".repeat(33)] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
