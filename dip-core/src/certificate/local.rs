//! An authority whose key dip is given: it signs in this program.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, SanType, SerialNumber, SubjectPublicKeyInfo,
};

use super::{CertificateError, CertificateName, SeenCertificate, requested_key};
use crate::provider::{CertificateAuthority, CertificateWish, ErrorKind, ProviderError};
use crate::secret::Secret;

/// The name by which errors call it.
const PROVIDER: &str = "authority";
/// A server's clock, or a client's, may be behind: a certificate counts from a little before it was signed.
const BACKDATED: Duration = Duration::from_secs(3600);
/// RFC 5280, 4.1.2.2 allows 20 bytes; 16 random ones are never the same twice.
const SERIAL_LEN: usize = 16;

/// An authority whose certificate and key are here. It keeps no register: whoever asks keeps what it signed.
pub struct LocalAuthority {
    anchors: String,
    own: SeenCertificate,
    key: KeyPair,
}

/// An authority cannot be made of a certificate and a key.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its certificate cannot be read.
    #[error("its certificate cannot be read")]
    Certificate(#[from] CertificateError),
    /// Its certificate is that of a server.
    #[error("its certificate, `{0}`, is none that may sign others (`CA:TRUE`)")]
    NoAuthority(String),
    /// Its key cannot be read. What is in it is not told.
    #[error(
        "its key cannot be read; give an unencrypted private key in PEM (PKCS #8), as `openssl pkcs8 -topk8 -nocrypt` writes it"
    )]
    Key,
    /// The key is another's.
    #[error("its key is not the one of its certificate, `{0}`")]
    OtherKey(String),
}

impl LocalAuthority {
    /// An authority by its certificate in PEM, first of all that are trusted with it, and its private key in PEM (PKCS #8).
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong together.
    pub fn new(certificate: &str, key: &Secret) -> Result<Self, AuthorityError> {
        let own = SeenCertificate::all_of(certificate)?.remove(0);
        if !own.is_authority {
            return Err(AuthorityError::NoAuthority(own.subject));
        }
        let key = KeyPair::from_pem(key.expose()).map_err(|_| AuthorityError::Key)?;
        if key.subject_public_key_info() != own.key {
            return Err(AuthorityError::OtherKey(own.subject));
        }
        Ok(Self { anchors: certificate.to_owned(), own, key })
    }

    fn sign_at(&self, wish: &CertificateWish, now: Timestamp) -> Result<String, ProviderError> {
        let called = wish.names.first().map(ToString::to_string).unwrap_or_default();
        let failed = |kind, why: String| {
            ProviderError::new(kind, PROVIDER, format!("sign a certificate for `{called}`")).because(why)
        };
        if now >= self.own.not_after {
            let why = format!("the certificate of `{}` itself has expired on {}", self.own.subject, self.own.ends());
            return Err(failed(ErrorKind::Denied, why).advise("renew the authority's own certificate"));
        }
        let key = requested_key(&wish.request)
            .map_err(|error| failed(ErrorKind::Invalid, format!("the request cannot be used: {error}")))?;
        let key = SubjectPublicKeyInfo::from_der(&key)
            .map_err(|_| failed(ErrorKind::Unsupported, "its key is of a kind that is not known here".to_owned()))?;
        // Nothing that it signs counts longer than it does itself.
        let until = now.checked_add(wish.lifetime).unwrap_or(Timestamp::MAX).min(self.own.not_after);
        let from = now.checked_sub(BACKDATED).unwrap_or(now).max(self.own.not_before);
        let odd = |error: rcgen::Error| failed(ErrorKind::Unexpected, error.to_string());
        let issuer = Issuer::from_ca_cert_pem(&self.anchors, &self.key).map_err(odd)?;
        let signed = params(wish, from, until).and_then(|params| params.signed_by(&key, &issuer)).map_err(odd)?;
        Ok(signed.pem())
    }
}

impl fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAuthority").field("subject", &self.own.subject).finish_non_exhaustive()
    }
}

#[async_trait]
impl CertificateAuthority for LocalAuthority {
    fn anchors(&self) -> &str {
        &self.anchors
    }

    async fn sign(&self, wish: &CertificateWish) -> Result<String, ProviderError> {
        self.sign_at(wish, Timestamp::now())
    }
}

/// What a certificate of a server says (RFC 5280, 4.2; RFC 6125).
fn params(wish: &CertificateWish, from: Timestamp, until: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    if let Some(name) = wish.names.first() {
        subject.push(DnType::CommonName, name.to_string());
    }
    params.distinguished_name = subject;
    params.subject_alt_names = wish.names.iter().map(alternative).collect::<Result<_, _>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial());
    params.not_before = moment(from);
    params.not_after = moment(until);
    Ok(params)
}

fn alternative(name: &CertificateName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        CertificateName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        CertificateName::Address(address) => SanType::IpAddress(*address),
    })
}

fn serial() -> SerialNumber {
    let mut bytes = [0; SERIAL_LEN];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    // A serial number is positive, and not 0.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn moment(at: Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).expect("both count seconds over the same centuries")
}

#[cfg(test)]
mod tests {
    use rcgen::CertifiedIssuer;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn authority_until(until: Timestamp) -> (LocalAuthority, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Site CA");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_before = moment(until.checked_sub(DAY * 1000).expect("a past"));
        params.not_after = moment(until);
        let key = KeyPair::generate().expect("a key");
        let secret = Secret::new(key.serialize_pem());
        let signed = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        (LocalAuthority::new(&signed.pem(), &secret).expect("they belong together"), signed.pem())
    }

    fn wish(key: &KeyPair) -> CertificateWish {
        // It asks for another name than it gets.
        let asked = CertificateParams::new(vec!["evil.example.org".to_owned()]).expect("a name");
        let request = asked.serialize_request(key).expect("a request").pem().expect("PEM");
        let names = ["10.8.0.1", "n1.bmc.example.org"].map(|name| name.parse().expect("a name"));
        CertificateWish { request, names: names.into(), lifetime: DAY * 90 }
    }

    #[test]
    fn a_certificate_is_for_the_names_of_the_wish_and_the_key_of_the_request() {
        let now = Timestamp::now();
        let (authority, anchors) = authority_until(now.checked_add(DAY * 365).expect("a future"));
        let key = KeyPair::generate().expect("a key");
        let wish = wish(&key);
        let [first, second] = [0, 1].map(|_| authority.sign_at(&wish, now).expect("it signs"));
        let [first, second] = [first, second].map(|pem| SeenCertificate::all_of(&pem).expect("PEM").remove(0));
        assert_eq!((&first.names, &first.key), (&wish.names, &key.subject_public_key_info()));
        assert!(first.is_signed_by(&SeenCertificate::all_of(&anchors).expect("PEM")) && !first.is_authority);
        assert_eq!(first.not_after.as_second(), now.as_second() + 90 * 86_400);
        assert_ne!(first.serial, second.serial);
        let (_, others) = authority_until(first.not_after);
        assert!(
            !first.is_signed_by(&SeenCertificate::all_of(&others).expect("PEM")),
            "of the same name, by another key"
        );
    }

    #[test]
    fn a_request_of_an_rsa_key_is_signed_as_well() {
        // By `openssl req -newkey rsa:2048`: most BMCs have no other keys.
        let request = include_str!("../../tests/golden/certificate/rsa-request.pem").to_owned();
        let now = Timestamp::now();
        let (authority, anchors) = authority_until(now.checked_add(DAY).expect("a future"));
        let wish = CertificateWish { request, ..wish(&KeyPair::generate().expect("a key")) };
        let signed = SeenCertificate::all_of(&authority.sign_at(&wish, now).expect("it signs")).expect("PEM").remove(0);
        assert_eq!(signed.key, requested_key(&wish.request).expect("it proves its key"));
        assert!(signed.is_signed_by(&SeenCertificate::all_of(&anchors).expect("PEM")));
    }

    #[test]
    fn an_authority_below_another_signs_and_both_are_anchors() {
        let now = Timestamp::now();
        let issuer = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        };
        let root = CertifiedIssuer::self_signed(issuer("Root"), KeyPair::generate().expect("a key")).expect("a root");
        let key = KeyPair::generate().expect("a key");
        let below = issuer("Machines").signed_by(&key, &root).expect("a certificate");
        let both = format!("{}{}", below.pem(), root.pem());
        let authority = LocalAuthority::new(&both, &Secret::new(key.serialize_pem())).expect("they belong together");
        let signed = authority.sign_at(&wish(&KeyPair::generate().expect("a key")), now).expect("it signs");
        let signed = SeenCertificate::all_of(&signed).expect("PEM").remove(0);
        assert_eq!(authority.anchors(), both);
        let [below, root] = [below.pem(), root.pem()].map(|pem| SeenCertificate::all_of(&pem).expect("PEM"));
        assert!(signed.is_signed_by(&below) && !signed.is_signed_by(&root) && below[0].is_signed_by(&root));
    }

    #[test]
    fn nothing_counts_longer_than_its_authority_and_an_expired_one_signs_nothing() {
        let now = Timestamp::now();
        let wish = wish(&KeyPair::generate().expect("a key"));
        let end = now.checked_add(DAY * 10).expect("a future");
        let signed = authority_until(end).0.sign_at(&wish, now).expect("it signs");
        assert_eq!(SeenCertificate::all_of(&signed).expect("PEM")[0].not_after.as_second(), end.as_second());
        let error = authority_until(now.checked_sub(DAY).expect("a past")).0.sign_at(&wish, now).expect_err("expired");
        let said = crate::provider::sentence(&error);
        assert!(said.contains("renew the authority's own certificate") && said.contains("CN=Site CA"), "{said}");
    }

    #[test]
    fn a_request_that_does_not_prove_its_key_is_refused() {
        let now = Timestamp::now();
        let (authority, anchors) = authority_until(now.checked_add(DAY).expect("a future"));
        let sound = wish(&KeyPair::generate().expect("a key"));
        for request in [String::new(), anchors, sound.request.replacen("MI", "MJ", 1)] {
            let error = authority.sign_at(&CertificateWish { request, ..sound.clone() }, now).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_key_of_somebody_else_makes_no_authority_and_is_not_told() {
        let (_, anchors) = authority_until(Timestamp::now());
        let other = KeyPair::generate().expect("a key").serialize_pem();
        let error = LocalAuthority::new(&anchors, &Secret::new(other)).expect_err("another key");
        assert_eq!(error.to_string(), "its key is not the one of its certificate, `CN=Site CA`");
        let error = LocalAuthority::new(&anchors, &Secret::new("hunter2".to_owned())).expect_err("no key");
        assert!(error.to_string().contains("openssl pkcs8") && !format!("{error:?}").contains("hunter2"), "{error}");
    }
}
