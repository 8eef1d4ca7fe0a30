//! A certificate authority as a service of a site: its kind, its settings, and the authority that they make. Several layers act through
//! it, and each of them declares and connects it, so that none needs another.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LocalAuthority;
use crate::layer::{ConnectError, Unusable};
use crate::provider::{CertificateAuthority, Providers, sentence};
use crate::secret::{SecretRef, Secrets};
use crate::site::{Field, Parsed, Service, Shape, Site, Variant};
use crate::subject::Subject;

/// The service kind of certificate authorities.
pub const AUTHORITY: &str = "authority";

/// The settings of a service of kind `authority`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoritySettings {
    /// The file of its certificate in PEM, and of those above it that are trusted with it.
    pub certificate: String,
    /// Where its private key is, with which dip signs; the program brings an authority of its own where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretRef>,
}

impl AuthoritySettings {
    /// Those of a service.
    ///
    /// # Errors
    /// Where they are not of this type, as a sentence fragment.
    pub fn of(service: &Service) -> Result<Self, String> {
        service.driver.read().map_err(|error| format!("its settings cannot be read: {error}"))
    }

    /// The certificates, in PEM, that whoever meets a server of the site trusts.
    ///
    /// # Errors
    /// Where their file cannot be read, as a sentence fragment.
    pub fn anchors(&self) -> Result<String, String> {
        let file = &self.certificate;
        std::fs::read_to_string(file).map_err(|error| format!("its certificate `{file}` cannot be read: {error}"))
    }

    fn authority(&self, key: &SecretRef, secrets: &dyn Secrets) -> Result<LocalAuthority, Unusable> {
        let certificate = self.anchors()?;
        let key = secrets.resolve(key)?;
        LocalAuthority::new(&certificate, &key).map_err(|error| Unusable::Setting(sentence(&error)))
    }
}

/// The kind, as layers declare it.
#[must_use]
pub fn authority_kind() -> Variant {
    Variant::new(
        AUTHORITY,
        "A certificate authority of the site. dip signs with its key, or the program that embeds dip brings one that does.",
        vec![
            Field::required(
                "certificate",
                Shape::Parsed(Parsed::Path),
                "The file of its certificate in PEM, and of those above it that are trusted with it.",
            ),
            Field::optional(
                "key",
                Shape::Parsed(Parsed::Secret),
                "Where its private key is (PEM, PKCS #8, not encrypted); left out where the program brings the authority.",
            ),
        ],
    )
}

/// Registers the authorities of a site that sign here, but for those that another layer has registered before; gives all that is wrong.
pub fn connect_authorities(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = Vec::new();
    for service in site.services_of(&[AUTHORITY]) {
        let subject = Subject::service(&service.name);
        if providers.find::<dyn CertificateAuthority>(&subject).is_ok() {
            continue;
        }
        let made = AuthoritySettings::of(service).map_err(Unusable::from).and_then(|settings| match &settings.key {
            Some(key) => settings.authority(key, secrets).map(Some),
            // The program registers its own.
            None => Ok(None),
        });
        match made {
            Ok(Some(authority)) => providers.insert::<dyn CertificateAuthority>(&subject, Arc::new(authority)),
            Ok(None) => {}
            Err(why) => errors.push(ConnectError::service(service, why)),
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_type_and_the_kind_know_the_same_keys() {
        let full = json!({"certificate": "ca.pem", "key": "env:KEY"});
        let keys: Vec<_> = authority_kind().fields.iter().map(|field| field.name).collect();
        assert_eq!(full.as_object().expect("it is one").keys().collect::<Vec<_>>(), keys);
        let read = AuthoritySettings::deserialize(&full).expect("every field is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), full);
    }
}
