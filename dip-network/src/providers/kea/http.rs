//! The HTTP client of Kea's commands: whom it trusts, whom it shows itself as, and what to do where one of them does not take the other.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use dip_core::provider::sentence;
use dip_core::secret::Secrets;
use reqwest::{Certificate, Identity};
use rustls::AlertDescription;

use crate::settings::KeaSettings;

/// A configuration of 10,000 reservations takes Kea 2 seconds; ten times that, and a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A client as the settings say.
///
/// # Errors
/// Why they cannot be used, as a sentence.
pub(super) fn client(settings: &KeaSettings, secrets: &dyn Secrets) -> Result<reqwest::Client, String> {
    // Fails where the program has installed one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A proxy of the environment is not meant for the servers of a site.
    let mut client = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    if let Some(file) = &settings.tls_ca {
        let roots = Certificate::from_pem_bundle(&read("tls_ca", file)?);
        let no_certificate = |error| format!("`tls_ca` {} is no certificate: {}", file.display(), sentence(&error));
        client = client.tls_certs_only(roots.map_err(no_certificate)?);
    }
    client = match (&settings.tls_certificate, &settings.tls_key) {
        (Some(file), Some(key)) => {
            let mut pem = read("tls_certificate", file)?;
            let key = secrets.resolve(key).map_err(|error| sentence(&error))?;
            pem.push(b'\n');
            pem.extend_from_slice(key.expose().as_bytes());
            let wrong =
                |_| format!("`tls_certificate` {} and `tls_key` are no certificate and its key in PEM", file.display());
            client.identity(Identity::from_pem(&pem).map_err(wrong)?)
        }
        (None, None) => client,
        _ => return Err("`tls_certificate` and `tls_key` go together".to_owned()),
    };
    client.build().map_err(|error| sentence(&error))
}

fn read(key: &str, file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("`{key}` {} cannot be read: {error}", file.display()))
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
