//! Whom to trust: the roots of this system, the site's own roots and authority, or the one certificate that the site file pins by its
//! fingerprint, until one of the site's authority was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dip_core::tls::{Fingerprint, Judge, Shown, client_config};
use reqwest::ClientBuilder;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, OtherError, RootCertStore};

use super::error::RedfishError;
use crate::hygiene::Vouching;
use crate::settings::{RedfishSettings, Scheme};

/// The server showed another certificate than the pinned one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the BMC shows another certificate, with the fingerprint {shown}, than the pinned {pinned}")]
pub(super) struct OtherCertificate {
    shown: Fingerprint,
    pinned: Fingerprint,
}

/// The server shows the certificate that was pinned for the way to the site's own, which was there already.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the BMC shows the certificate of `tls_fingerprint` again, though one of the site's authority was seen at it before; if somebody reset it, remove what is kept for it below `firmware.certificate.kept`"
)]
pub(super) struct PinIsOver;

/// Whom a client trusts. Its clients share what one of them has seen.
pub(super) enum Trust {
    /// The roots of this system.
    System,
    /// Those whom the site names.
    Chosen(Arc<Chosen>),
}

impl Trust {
    /// Whom settings and the site's authority say.
    pub(super) fn of(settings: &RedfishSettings, vouching: &Vouching) -> Result<Self, RedfishError> {
        let failed = |error: VerifierBuilderError| RedfishError::Tls(error.into());
        if settings.scheme == Scheme::Http {
            return match (&settings.tls_fingerprint, &settings.ca_file) {
                (Some(_), _) => Err(RedfishError::FingerprintWithoutTls),
                (None, Some(_)) => Err(RedfishError::CaFileWithoutTls),
                (None, None) => Ok(Self::System),
            };
        }
        let has_authority = !vouching.anchors.is_empty();
        if settings.tls_fingerprint.is_some() && settings.ca_file.is_some() && !has_authority {
            return Err(RedfishError::TwoTrusts);
        }
        if settings.tls_fingerprint.is_none() && settings.ca_file.is_none() && !has_authority {
            return Ok(Self::System);
        }
        let mut roots = RootCertStore::empty();
        if let Some(file) = &settings.ca_file {
            add(&mut roots, CertificateDer::pem_file_iter(file).and_then(Iterator::collect), file)?;
        }
        if has_authority {
            let anchors = CertificateDer::pem_slice_iter(vouching.anchors.as_bytes()).collect();
            add(&mut roots, anchors, "the certificate of its `authority`")?;
        }
        let by_roots = if roots.is_empty() {
            None
        } else {
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            Some(verifier.build().map_err(failed)?)
        };
        let pinned = settings.tls_fingerprint.as_deref().map(str::parse).transpose()?;
        let given = vouching.given.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let was_seen = AtomicBool::new(vouching.was_seen);
        Ok(Self::Chosen(Arc::new(Chosen { pinned, given, by_roots, has_authority, was_seen })))
    }

    /// A client that trusts so, and resumes its sessions so.
    pub(super) fn given_to(&self, builder: ClientBuilder, resumption: Resumption) -> ClientBuilder {
        match self {
            Self::System => {
                install_provider();
                builder
            }
            Self::Chosen(chosen) => {
                let mut config = client_config(Arc::clone(chosen) as Arc<dyn Judge>);
                config.resumption = resumption;
                builder.tls_backend_preconfigured(config)
            }
        }
    }
}

/// Adds certificates to roots; `of` is whose they are.
fn add(
    roots: &mut RootCertStore,
    certificates: Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error>,
    of: &str,
) -> Result<(), RedfishError> {
    let wrong = |why: String| RedfishError::CaFile(of.to_owned(), why);
    let certificates = certificates.map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no certificate in PEM".to_owned()));
    }
    certificates.into_iter().try_for_each(|it| roots.add(it).map_err(|error| wrong(error.to_string())))
}

/// The process's TLS provider: ours, unless the embedding program chose one.
fn install_provider() {
    // An error says that there is one already, which is as good.
    let _ = ring::default_provider().install_default();
}

/// Checks that the server has the key of a certificate that the site's roots have signed for its name, or of one that is known by its
/// fingerprint. Names, dates and issuers of the latter are rarely right.
#[derive(Debug)]
pub(super) struct Chosen {
    pinned: Option<Fingerprint>,
    /// What the site's authority made for this server, whatever has become of the authority since.
    given: Vec<Fingerprint>,
    by_roots: Option<Arc<WebPkiServerVerifier>>,
    has_authority: bool,
    /// Whether one of the site's authority was seen: the pin was for the way there.
    was_seen: AtomicBool,
}

impl Judge for Chosen {
    fn judge(
        &self,
        &Shown { certificate, between, name, ocsp, now }: &Shown<'_>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(certificate);
        let other = |error| Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(error))));
        if self.given.contains(&shown) {
            self.was_seen.store(true, Ordering::Relaxed);
            return Ok(ServerCertVerified::assertion());
        }
        let by_roots =
            self.by_roots.as_ref().map(|roots| roots.verify_server_cert(certificate, between, name, ocsp, now));
        if let Some(Ok(verified)) = by_roots {
            self.was_seen.fetch_or(self.has_authority, Ordering::Relaxed);
            return Ok(verified);
        }
        match (self.pinned, by_roots) {
            (Some(pinned), _) if pinned == shown && self.was_seen.load(Ordering::Relaxed) => other(Arc::new(PinIsOver)),
            (Some(pinned), _) if pinned == shown => Ok(ServerCertVerified::assertion()),
            (Some(pinned), _) => other(Arc::new(OtherCertificate { shown, pinned })),
            (None, Some(Err(error))) => Err(error),
            (None, _) => Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }
}
