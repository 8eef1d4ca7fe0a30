//! A request for a certificate (PKCS #10, RFC 2986): only its key is believed.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use super::CertificateError;

/// The public key (DER, `SubjectPublicKeyInfo`) that a request in PEM is for. Its signature proves that whoever made it has the other
/// half; the names and extensions that it asks for are not looked at, since servers write there what they like.
///
/// # Errors
/// Where it is no request, or its signature does not prove the key.
pub fn requested_key(pem: &str) -> Result<Vec<u8>, CertificateError> {
    let block =
        Pem::iter_from_buffer(pem.as_bytes()).flatten().find(|block| block.label.ends_with("CERTIFICATE REQUEST"));
    let block = block.ok_or(CertificateError::NoRequest)?;
    let read = X509CertificationRequest::from_der(&block.contents);
    let (_, request) = read.map_err(|error| CertificateError::Malformed(error.to_string()))?;
    request.verify_signature().map_err(|error| CertificateError::Unproved(error.to_string()))?;
    Ok(request.certification_request_info.subject_pki.raw.to_vec())
}
