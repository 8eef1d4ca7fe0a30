//! What a certificate says.

use std::fmt::Write as _;

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::CertificateName;
use crate::tls::Fingerprint;

/// A certificate that somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCertificate {
    /// Whose it is, as RFC 4514 writes it.
    pub subject: String,
    /// Who says that he signed it.
    pub issuer: String,
    /// For which servers it is; other kinds of names are left out.
    pub names: Vec<CertificateName>,
    /// Its number at its issuer, in hexadecimal.
    pub serial: String,
    /// From when on it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// The public key (DER, `SubjectPublicKeyInfo`).
    pub key: Vec<u8>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// The whole of it (DER).
    pub der: Vec<u8>,
}

/// A certificate, or a request for one, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is no request in it.
    #[error("there is no `CERTIFICATE REQUEST` in PEM in it")]
    NoRequest,
    /// There is no certificate in it.
    #[error("there is no `CERTIFICATE` in PEM in it")]
    NoCertificate,
    /// It is not of the form that it should have.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// A request's signature is not by its key.
    #[error("its signature does not prove its key: {0}")]
    Unproved(String),
}

impl SeenCertificate {
    /// Reads a certificate (DER).
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (_, read) =
            X509Certificate::from_der(der).map_err(|error| CertificateError::Malformed(error.to_string()))?;
        let names = read.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|extension| &extension.value.general_names).filter_map(name).collect();
        Ok(Self {
            subject: read.subject().to_string(),
            issuer: read.issuer().to_string(),
            names,
            serial: read.raw_serial().iter().fold(String::new(), |mut text, byte| {
                // A `String` takes whatever is written.
                let _ = write!(text, "{byte:02x}");
                text
            }),
            not_before: moment(read.validity().not_before)?,
            not_after: moment(read.validity().not_after)?,
            key: read.public_key().raw.to_vec(),
            is_authority: read.is_ca(),
            der: der.to_vec(),
        })
    }

    /// Reads all certificates of a text in PEM, in their order.
    ///
    /// # Errors
    /// Where one cannot be read, or there is none.
    pub fn all_of(pem: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = Pem::iter_from_buffer(pem.as_bytes()).flatten().filter(|block| block.label == "CERTIFICATE");
        let all: Vec<_> = blocks.map(|block| Self::from_der(&block.contents)).collect::<Result<_, _>>()?;
        if all.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(all) }
    }

    /// The SHA-256 of it, in lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Fingerprint::of(&self.der).to_string()
    }

    /// Whether one of these authorities has signed it.
    #[must_use]
    pub fn is_signed_by(&self, authorities: &[Self]) -> bool {
        let Ok((_, own)) = X509Certificate::from_der(&self.der) else { return false };
        authorities.iter().filter(|authority| authority.is_authority && authority.subject == self.issuer).any(
            |authority| {
                X509Certificate::from_der(&authority.der)
                    .is_ok_and(|(_, authority)| own.verify_signature(Some(authority.public_key())).is_ok())
            },
        )
    }

    /// Its last day, as people write it.
    #[must_use]
    pub fn ends(&self) -> String {
        self.not_after.strftime("%Y-%m-%d").to_string()
    }
}

fn name(name: &GeneralName<'_>) -> Option<CertificateName> {
    match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(Into::into);
            let sixteen = <[u8; 16]>::try_from(*bytes).map(Into::into);
            four.or(sixteen).ok().map(CertificateName::Address)
        }
        _ => None,
    }
}

fn moment(time: ASN1Time) -> Result<Timestamp, CertificateError> {
    Timestamp::from_second(time.timestamp()).map_err(|error| CertificateError::Malformed(error.to_string()))
}
