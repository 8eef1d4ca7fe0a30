//! Whom to trust: the roots of this system, those of the site, or the one certificate that the site pins by its fingerprint.

use std::sync::Arc;

use dip_core::tls::{Fingerprint, Judge, Shown, client_config};
use reqwest::{Certificate, ClientBuilder, Url};
use rustls::client::danger::ServerCertVerified;
use rustls::{CertificateError, OtherError};

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
            let pinned = text.parse().map_err(|_| SettingsError::Fingerprint(text.clone()))?;
            Ok(builder.tls_backend_preconfigured(client_config(Arc::new(Pinned(pinned)))))
        }
    }
}

/// The server showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("it shows another certificate, with the fingerprint {shown}, than the pinned {pinned}")]
struct OtherCertificate {
    shown: Fingerprint,
    pinned: Fingerprint,
}

/// Knows a server by its certificate. The names, dates and issuer of that say nothing then.
#[derive(Debug)]
struct Pinned(Fingerprint);

impl Judge for Pinned {
    fn judge(&self, shown: &Shown<'_>) -> Result<ServerCertVerified, rustls::Error> {
        let (shown, pinned) = (Fingerprint::of(shown.certificate), self.0);
        if shown == pinned {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(OtherCertificate { shown, pinned }));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
    }
}
