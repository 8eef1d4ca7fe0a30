//! The HTTP client of Kea's commands: whom it trusts, whom it shows itself as, and what to do where one of them does not take the other.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dip_core::provider::sentence;
use dip_core::secret::Secrets;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::settings::KeaSettings;

/// A configuration of 10,000 reservations takes Kea 2 seconds; ten times that, and a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A client as the settings say.
///
/// # Errors
/// Why they cannot be used, as a sentence.
pub(super) fn client(settings: &KeaSettings, secrets: &dyn Secrets) -> Result<reqwest::Client, String> {
    // A proxy of the environment is not meant for the servers of a site.
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    let client = client.tls_backend_preconfigured(tls(settings, secrets)?);
    client.build().map_err(|error| sentence(&error))
}

fn tls(settings: &KeaSettings, secrets: &dyn Secrets) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| sentence(&error))?;
    let builder = match &settings.tls_ca {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates("tls_ca", file)? {
                let wrong = |error| format!("`tls_ca` {} cannot be trusted: {}", file.display(), sentence(&error));
                roots.add(root).map_err(wrong)?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(|error| sentence(&error))?,
    };
    let mut config = match (&settings.tls_certificate, &settings.tls_key) {
        (Some(file), Some(key)) => {
            let key = secrets.resolve(key).map_err(|error| sentence(&error))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| format!("`tls_key` is no key in PEM: {}", sentence(&error)))?;
            let both = builder.with_client_auth_cert(certificates("tls_certificate", file)?, key);
            both.map_err(|error| {
                format!("`tls_certificate` {} and `tls_key` do not fit: {}", file.display(), sentence(&error))
            })?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err("`tls_certificate` and `tls_key` go together".to_owned()),
    };
    // Kea gives its sessions no context (SSL_CTX_set_session_id_context(3)): where it asks for a certificate, it ends one that is resumed
    // as an internal error.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(file).map_err(|error| format!("`{key}` {} cannot be read: {error}", file.display()))?;
    let all = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(format!("`{key}` {} is no certificate in PEM", file.display())),
    }
}

/// What to do where one of both does not take the certificate of the other; `None` where something else stands in the way.
pub(super) fn distrust(error: &reqwest::Error) -> Option<&'static str> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        match cause.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return Some("name the certificate of the authority that signed Kea's as `tls_ca`");
            }
            // OpenSSL says the first two where none is shown (TLS 1.3, and 1.2), and the others where it does not know who signed it.
            Some(rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::HandshakeFailure
                | AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::DecryptError,
            )) => {
                return Some(
                    "give dip a certificate of the authority that Kea has as `trust-anchor`, as `tls_certificate` and `tls_key`, or set Kea's `cert-required` to false",
                );
            }
            _ => {}
        }
        // An I/O error does not show the error that it wraps as its source, but that error's source.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    None
}
