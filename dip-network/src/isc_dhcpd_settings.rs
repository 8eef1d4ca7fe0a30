//! The settings of ISC dhcpd: where OMAPI answers, its key, and the files where dip can read them.

use std::path::PathBuf;

use dip_core::id::NetworkName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

use crate::provider::BootFiles;

/// The service kind `isc-dhcpd`.
pub(crate) const ISC_DHCPD: &str = "isc-dhcpd";

/// A DHCP service of kind `isc-dhcpd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IscDhcpdSettings {
    /// Where OMAPI answers, with its port where that is not 7911.
    pub address: String,
    /// The name of the key (`omapi-key`).
    pub key: String,
    /// The key's algorithm.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
    /// Where the key's secret is, in base64 as in dhcpd.conf.
    pub secret: SecretRef,
    /// The file of leases (`lease-file-name`), where dip can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_file: Option<PathBuf>,
    /// Its configuration and what that includes, where dip can read them. They are only read.
    #[serde(default)]
    pub hosts_files: Vec<PathBuf>,
    /// The networks that it serves; empty for all.
    #[serde(default)]
    pub networks: Vec<NetworkName>,
    /// What the interfaces with a reservation are told to boot; nothing where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootFiles>,
}

/// The algorithm of a dhcpd's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// What every dhcpd with OMAPI has.
    #[default]
    HmacMd5,
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

impl KeyAlgorithm {
    const ALL: [Self; 4] = [Self::HmacMd5, Self::HmacSha1, Self::HmacSha256, Self::HmacSha512];

    /// As it is written in a site file and in dhcpd.conf.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HmacMd5 => "hmac-md5",
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha512 => "hmac-sha512",
        }
    }
}

pub(crate) fn variant() -> Variant {
    Variant::new(
        ISC_DHCPD,
        "A DHCP server: ISC dhcpd, by OMAPI, for IPv4.",
        vec![
            Field::required(
                "address",
                Shape::Parsed(Parsed::Endpoint),
                "Where OMAPI answers (`omapi-port`), with its port where that is not 7911.",
            ),
            Field::required("key", Shape::Text, "The name of its key (`omapi-key`)."),
            Field::optional(
                "algorithm",
                Shape::Choice(KeyAlgorithm::ALL.map(KeyAlgorithm::word).to_vec()),
                "The algorithm of the key; `hmac-md5` where it is left out.",
            ),
            Field::required(
                "secret",
                Shape::Parsed(Parsed::Secret),
                "Where the secret of the key is, `env:NAME` or `file:PATH`, in base64 as in dhcpd.conf.",
            ),
            Field::optional(
                "lease_file",
                Shape::Parsed(Parsed::Path),
                "The file of its leases, where dip can read it: all hosts are listed only with it.",
            ),
            Field::optional(
                "hosts_files",
                Shape::list(Shape::Parsed(Parsed::Path)),
                "Its configuration and what that includes, where dip can read them: hosts of other people are seen there. They are only read.",
            ),
            Field::optional(
                "networks",
                Shape::list(Shape::Reference(Noun::Network)),
                "The networks that it serves; all where it is left out.",
            ),
            crate::settings::boot_field(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_read_by_its_word() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(serde_json::to_value(algorithm).expect("plain data"), algorithm.word());
        }
    }
}
