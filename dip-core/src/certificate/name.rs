//! By what a server is called: what its certificate must say.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A DNS name or an address that a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateName {
    /// A DNS name, in lower case, without a dot at its end.
    Dns(String),
    /// An address.
    Address(IpAddr),
}

/// A text is neither a DNS name nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a DNS name nor an address, so no certificate can be for it")]
pub struct CertificateNameError(String);

impl FromStr for CertificateName {
    type Err = CertificateNameError;

    fn from_str(text: &str) -> Result<Self, CertificateNameError> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self::Address(address));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let is_label = |label: &str| {
            let sound = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            // RFC 1035, 2.3.4.
            (1..=63).contains(&label.len()) && sound && !label.starts_with('-') && !label.ends_with('-')
        };
        let is_name = name.len() <= 253 && name.split('.').all(is_label);
        if is_name { Ok(Self::Dns(name)) } else { Err(CertificateNameError(text.to_owned())) }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Serialize for CertificateName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CertificateName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_sites_write_it() {
        for (text, read) in [
            ("10.8.0.1", "10.8.0.1"),
            ("[fd00::1]", "fd00::1"),
            ("R1-N1.bmc.Example.org.", "r1-n1.bmc.example.org"),
            ("bmc1", "bmc1"),
        ] {
            let name: CertificateName = text.parse().expect("a name");
            assert_eq!(name.to_string(), read);
        }
        for wrong in ["", ".", "a..b", "-a", "a b", "a_b", "*.example.org", &"a".repeat(64)] {
            assert!(wrong.parse::<CertificateName>().is_err(), "{wrong}");
        }
    }
}
