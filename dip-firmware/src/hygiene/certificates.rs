//! Which certificates were made for a controller, and how far each has come.
//!
//! A request is kept before it is signed, and what was signed before the controller is told: wherever the program dies, the next one
//! goes on with the same request and the same certificate, and no serial number of the authority is lost track of.

use std::fmt;
use std::sync::Arc;

use dip_core::certificate::SeenCertificate;
use dip_core::secret::{Secret, SecretError, SecretRef, SecretStore, Standing};

/// The certificates of one controller.
pub struct CertificateBook {
    at: SecretRef,
    requests: SecretRef,
    store: Arc<dyn SecretStore>,
}

/// A certificate of the book.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number in the book.
    pub version: u32,
    /// How far it has come: made, given to the controller, seen there, or refused by it.
    pub standing: Standing,
    /// It, with those after it that stand between it and its authority's own, in PEM.
    pub pem: String,
    /// What it says.
    pub certificate: SeenCertificate,
    /// What those after it say.
    pub between: Vec<SeenCertificate>,
}

/// Who vouches for a controller beside what its own protocol settings say.
#[derive(Debug, Clone, Default)]
pub struct Vouching {
    /// The certificates of the site's authority, in PEM; empty where it has none.
    pub anchors: String,
    /// The SHA-256 of each certificate that the controller was given. It may show them beyond their end: whoever shows one has its key.
    pub given: Vec<String>,
    /// Whether one of them was seen at it. Then a fingerprint that the site pinned for the way there counts no longer.
    pub was_seen: bool,
}

impl fmt::Debug for CertificateBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateBook").field("at", &self.at).finish_non_exhaustive()
    }
}

impl CertificateBook {
    /// The book of a controller, at a place of a store that is its alone.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>, at: SecretRef) -> Self {
        let requests = match &at {
            SecretRef::Store(path) => SecretRef::Store(path.join("requests")),
            elsewhere => elsewhere.clone(),
        };
        Self { at, requests, store }
    }

    /// All certificates, the oldest first. What cannot be read as one is left out: a person put it there.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, SecretError> {
        let mut entries = Vec::new();
        for (version, standing) in self.store.versions(&self.at)? {
            let Some(pem) = self.store.version(&self.at, version)? else { continue };
            let pem = pem.expose().to_owned();
            let Ok(mut between) = SeenCertificate::all_of(&pem) else { continue };
            let certificate = between.remove(0);
            entries.push(Entry { version, standing, pem, certificate, between });
        }
        Ok(entries)
    }

    /// Who vouches for the controller by now.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn vouching(&self, anchors: &str) -> Result<Vouching, SecretError> {
        let entries = self.entries()?;
        let given = entries.iter().filter(|entry| matches!(entry.standing, Standing::Sent | Standing::Proved));
        Ok(Vouching {
            anchors: anchors.to_owned(),
            given: given.map(|entry| entry.certificate.fingerprint()).collect(),
            was_seen: entries.iter().any(|entry| entry.standing == Standing::Proved),
        })
    }

    /// The number of the next certificate, and the request for it where it was made already.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn next(&self) -> Result<(u32, Option<String>), SecretError> {
        let next = self.store.versions(&self.at)?.into_keys().next_back().unwrap_or(0) + 1;
        let request = self.store.version(&self.requests, next)?;
        Ok((next, request.map(|request| request.expose().to_owned())))
    }

    /// Keeps the request for a certificate.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_request(&self, version: u32, pem: &str) -> Result<(), SecretError> {
        self.store.create(&self.requests, version, &Secret::new(pem.to_owned())).map(drop)
    }

    /// Forgets a request that the authority does not sign.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn forget_request(&self, version: u32) -> Result<(), SecretError> {
        self.store.retire(&self.requests, version)
    }

    /// Keeps a certificate before anybody is told.
    ///
    /// # Errors
    /// Where it cannot be written; it must not be used then.
    pub fn keep(&self, version: u32, pem: &str) -> Result<(), SecretError> {
        self.store.create(&self.at, version, &Secret::new(pem.to_owned())).map(drop)
    }

    /// Notes how far a certificate has come.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn mark(&self, version: u32, standing: Standing) -> Result<(), SecretError> {
        self.store.mark(&self.at, version, standing)
    }
}
