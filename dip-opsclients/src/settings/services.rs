//! The kinds of services of this layer that are no configuration systems.

use std::path::PathBuf;

use dip_core::id::NodeName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The service kind `ntp`.
pub(crate) const NTP: &str = "ntp";

/// The service kind `syslog`.
pub(crate) const SYSLOG: &str = "syslog";

/// The service kind `ssh_authority`.
pub(crate) const SSH_AUTHORITY: &str = "ssh_authority";

/// A time service of kind `ntp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NtpSettings {
    /// Its servers: addresses or host names, with a port where it is not 123.
    pub servers: Vec<String>,
}

/// A receiver of logs of kind `syslog`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    /// Its address or host name.
    pub host: String,
    /// Its port; 514 where it is left out, 6514 for `tls`.
    pub port: Option<u16>,
    /// How it is spoken to; `tcp` where it is left out.
    pub protocol: Option<SyslogProtocol>,
    /// The certificates in PEM, where dip runs, one of which must have signed that of a receiver over `tls`.
    pub ca: Option<PathBuf>,
    /// Where it can be seen what arrived; where it is left out, the program has to bring somebody who looks.
    pub seen_in: Option<SeenIn>,
}

/// How a receiver of logs is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyslogProtocol {
    /// Datagrams, which nobody misses (RFC 5426).
    Udp,
    /// A stream (RFC 6587).
    #[default]
    Tcp,
    /// A stream within TLS (RFC 5425).
    Tls,
}

/// Where it can be seen what arrived at a receiver of logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenIn {
    /// The file that the receiver writes.
    pub path: PathBuf,
    /// The node of the site that has it; the machine where dip runs where it is left out.
    pub node: Option<NodeName>,
}

/// An authority for SSH keys of kind `ssh_authority`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshAuthoritySettings {
    /// Its private key, with which dip signs; left out where the program brings an authority of its own.
    pub key: Option<SecretRef>,
}

pub(super) fn variants() -> Vec<Variant> {
    vec![
        Variant::new(NTP, "A time service: NTP servers (RFC 5905).", ntp()),
        Variant::new(SYSLOG, "A receiver of logs (RFC 5424).", syslog()),
        Variant::new(
            SSH_AUTHORITY,
            "An authority that signs SSH keys of hosts and users. dip signs with its key, or the program that embeds dip brings one that does.",
            ssh_authority(),
        ),
    ]
}

fn ntp() -> Vec<Field> {
    vec![Field::required(
        "servers",
        Shape::list(Shape::Parsed(Parsed::Endpoint)),
        "Its servers: addresses or host names, with a port where it is not 123.",
    )]
}

fn syslog() -> Vec<Field> {
    let seen_in = vec![
        Field::required("path", Shape::Text, "The file that the receiver writes, by its absolute path."),
        Field::optional(
            "node",
            Shape::Reference(Noun::Node),
            "The node of the site that has it; the machine where dip runs where it is left out.",
        ),
    ];
    vec![
        Field::required("host", Shape::Text, "Its address or host name."),
        Field::optional("port", Shape::integer(1, 65535), "Its port; 514 where it is left out, 6514 for `tls`."),
        Field::optional(
            "protocol",
            Shape::Choice(vec!["udp", "tcp", "tls"]),
            "How it is spoken to; `tcp` where it is left out.",
        ),
        Field::optional(
            "ca",
            Shape::Parsed(Parsed::Path),
            "The certificates in PEM, where dip runs, one of which must have signed that of a receiver over `tls`.",
        ),
        Field::optional(
            "seen_in",
            Shape::Object(seen_in),
            "Where it can be seen what arrived; left out where the program brings somebody who looks.",
        ),
    ]
}

fn ssh_authority() -> Vec<Field> {
    vec![Field::optional(
        "key",
        Shape::Parsed(Parsed::Secret),
        "Its private key in the format of OpenSSH, not encrypted; left out where the program brings the authority.",
    )]
}
