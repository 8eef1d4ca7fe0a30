//! The settings of Kea: where its servers answer, and the hook or the database that its reservations are written by.

use std::path::PathBuf;

use dip_core::id::NetworkName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

use crate::provider::BootFiles;

/// The service kind `kea`.
pub(crate) const KEA: &str = "kea";

/// A DHCP service of kind `kea`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeaSettings {
    /// Where the DHCPv4 server takes commands: `unix:/run/kea/kea4-ctrl-socket`, or its address over HTTP, that of the control agent
    /// before 3.0.
    pub dhcp4: Option<String>,
    /// Where the DHCPv6 server does.
    pub dhcp6: Option<String>,
    /// The user that Kea or its control agent knows over HTTP.
    pub user: Option<String>,
    /// Where the password of the user is.
    pub password: Option<SecretRef>,
    /// The certificates (PEM) that Kea or its control agent is trusted by; those of this system where it is left out.
    pub tls_ca: Option<PathBuf>,
    /// The certificate (PEM, and those between it and its root) that dip shows where Kea asks for one (`cert-required`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    /// Where the key of that certificate is (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<SecretRef>,
    /// The database of the hosts backend; the reservations are in the servers' configuration where it is left out.
    pub hosts_database: Option<HostsDatabase>,
    /// What the reservations are written by, where it is not the database or the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<KeaBackend>,
    /// The networks that it serves; empty for all.
    #[serde(default)]
    pub networks: Vec<NetworkName>,
    /// What the interfaces with a reservation are told to boot; nothing where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootFiles>,
}

/// A way into Kea that its settings do not show by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeaBackend {
    /// The commands of Kea's hook `libdhcp_host_cmds.so`, which writes into whatever hosts backend Kea has.
    Hook,
}

/// The PostgreSQL database of Kea's hosts backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostsDatabase {
    /// Where it answers: `unix:/run/postgresql`, or its address with its port where that is not 5432.
    pub address: String,
    /// Its name.
    pub name: String,
    /// The user that dip logs in as.
    pub user: String,
    /// Where the password of the user is.
    pub password: Option<SecretRef>,
}

pub(crate) fn variant() -> Variant {
    Variant::new(
        KEA,
        "A DHCP server: Kea, through its control sockets, over HTTP, and the PostgreSQL database of its hosts backend where it has one.",
        vec![
            Field::optional(
                "dhcp4",
                Shape::Text,
                "Where the DHCPv4 server takes commands: `unix:/run/kea/kea4-ctrl-socket`, or its `https://` address, that of the control agent before Kea 3.0.",
            ),
            Field::optional("dhcp6", Shape::Text, "Where the DHCPv6 server takes commands."),
            Field::optional("user", Shape::Text, "The user that Kea or its control agent knows over HTTP."),
            Field::optional(
                "password",
                Shape::Parsed(Parsed::Secret),
                "Where the password of the user is, `env:NAME` or `file:PATH`.",
            ),
            Field::optional(
                "tls_ca",
                Shape::Parsed(Parsed::Path),
                "The certificates (PEM) that Kea or its control agent is trusted by; those of this system where it is left out.",
            ),
            Field::optional(
                "tls_certificate",
                Shape::Parsed(Parsed::Path),
                "The certificate (PEM) that dip shows where Kea asks for one (`cert-required`, its default).",
            ),
            Field::optional(
                "tls_key",
                Shape::Parsed(Parsed::Secret),
                "Where the key of `tls_certificate` is (PEM), `env:NAME` or `file:PATH`.",
            ),
            Field::optional(
                "hosts_database",
                Shape::Object(database()),
                "The PostgreSQL database of the hosts backend; the reservations are in the configuration where it is left out.",
            ),
            Field::optional(
                "backend",
                Shape::Choice(vec!["hook"]),
                "`hook` where Kea has `libdhcp_host_cmds.so` and hosts databases: its commands write the reservations. Where it is left out, they are in `hosts_database` or in the configuration.",
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

fn database() -> Vec<Field> {
    vec![
        Field::required(
            "address",
            Shape::Text,
            "Where it answers: `unix:/run/postgresql`, or its address with its port where that is not 5432.",
        ),
        Field::required("name", Shape::Text, "Its name."),
        Field::required("user", Shape::Text, "The user that dip logs in as."),
        Field::optional(
            "password",
            Shape::Parsed(Parsed::Secret),
            "Where the password of the user is, `env:NAME` or `file:PATH`.",
        ),
    ]
}
