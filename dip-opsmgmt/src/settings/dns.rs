//! The settings of DNS services and of what nodes have in them.

use std::path::PathBuf;

use dip_core::id::NetworkName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

use super::{DNSMASQ_HOSTS, POWERDNS, RFC2136};

/// A DNS service of kind `rfc2136`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rfc2136Settings {
    /// The primary server of the zones, with its port where that is not 53.
    pub server: String,
    /// The zones, forward and reverse, that dip may write; found by asking the server where it is empty.
    #[serde(default)]
    pub zones: Vec<String>,
    /// The key that signs every message.
    pub key: TsigKey,
    /// The time to live of the records, in seconds.
    #[serde(default = "five_minutes")]
    pub ttl: u32,
    /// How the names of nodes are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameRule>,
}

/// How the name of an interface is made: the first rule that fits it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameRule {
    /// The name, `{node}.{network}.{domain}`.
    pub name: String,
    /// Only interfaces in this network.
    pub network: Option<NetworkName>,
    /// Only interfaces of this role.
    pub role: Option<RuleRole>,
}

/// Whether the node is known by an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleRole {
    /// It is.
    Primary,
    /// It is not.
    Other,
}

/// The further records of a node in DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeDns {
    /// Other names for it (CNAME); those without a dot are in the domain of its name.
    pub aliases: Vec<String>,
    /// The services that answer on it (SRV).
    pub services: Vec<NodeService>,
    /// Texts at its name (TXT).
    pub texts: Vec<String>,
    /// The time to live of these records, in seconds.
    pub ttl: Option<u32>,
}

/// A service that answers on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeService {
    /// Its name without underscores, `etcd-server`.
    pub service: String,
    /// Over what it is spoken.
    #[serde(default)]
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
    /// The nodes of the lowest are asked first.
    #[serde(default)]
    pub priority: u16,
    /// The share of the node among those of one priority.
    #[serde(default)]
    pub weight: u16,
}

/// Over what a service is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As it stands in names.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A TSIG key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TsigKey {
    /// Its name in the server's configuration.
    pub name: String,
    /// Its algorithm.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
    /// Where its secret is, in base64.
    pub secret: SecretRef,
}

/// The algorithm of a TSIG key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC with SHA-512.
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

/// A DNS service of kind `powerdns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerDnsSettings {
    /// Where its API answers.
    pub url: String,
    /// Where the key of its API is.
    pub key: SecretRef,
    /// Its `server-id`.
    #[serde(default = "localhost")]
    pub server: String,
    /// The time to live of the records, in seconds.
    #[serde(default = "five_minutes")]
    pub ttl: u32,
    /// How the names of nodes are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameRule>,
}

/// A DNS service of kind `dnsmasq_hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostsDirectorySettings {
    /// The directory that dnsmasq follows (`hostsdir`); it must be there.
    pub path: PathBuf,
    /// How the names of nodes are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameRule>,
}

/// Long enough for caches to help, short enough that a moved name is found again soon.
const fn five_minutes() -> u32 {
    300
}

/// What every PowerDNS calls itself where its configuration says nothing.
fn localhost() -> String {
    "localhost".to_owned()
}

pub(super) fn rfc2136() -> Variant {
    let key = vec![
        Field::required("name", Shape::Parsed(Parsed::DomainName), "Its name in the server's configuration."),
        Field::optional(
            "algorithm",
            Shape::Choice(vec!["hmac-sha256", "hmac-sha512"]),
            "Its algorithm; `hmac-sha256` where it is left out.",
        ),
        Field::required("secret", Shape::Parsed(Parsed::Secret), "Where its secret is, in base64."),
    ];
    Variant::new(
        RFC2136,
        "A DNS server that takes dynamic updates (RFC 2136) over TCP: BIND, Knot, PowerDNS.",
        vec![
            Field::required(
                "server",
                Shape::Parsed(Parsed::Endpoint),
                "The primary server of the zones, with its port where that is not 53.",
            ),
            Field::optional(
                "zones",
                Shape::list(Shape::Parsed(Parsed::DomainName)),
                "The zones, forward and reverse, that dip may write; found by asking the server where it is left out.",
            ),
            Field::required("key", Shape::Object(key), "The TSIG key that signs every message."),
            ttl(),
            names(),
        ],
    )
}

pub(super) fn powerdns() -> Variant {
    Variant::new(
        POWERDNS,
        "PowerDNS, by the HTTP API of its authoritative server.",
        vec![
            Field::required("url", Shape::Parsed(Parsed::Url), "Where its API answers, `http://10.0.0.5:8081`."),
            Field::required("key", Shape::Parsed(Parsed::Secret), "Where the key of its API is."),
            Field::optional(
                "server",
                Shape::Parsed(Parsed::Name),
                "Its `server-id`; `localhost` where it is left out, as PowerDNS calls itself.",
            ),
            ttl(),
            names(),
        ],
    )
}

pub(super) fn dnsmasq_hosts() -> Variant {
    Variant::new(
        DNSMASQ_HOSTS,
        "dnsmasq, by hosts files in a directory that it follows: addresses and reverse names. dip must run where it is.",
        vec![
            Field::required(
                "path",
                Shape::Parsed(Parsed::Path),
                "The directory of `hostsdir` in dnsmasq's configuration; it must be there.",
            ),
            names(),
        ],
    )
}

fn ttl() -> Field {
    // RFC 2181 section 8: 31 bits.
    let doc = "The time to live of the records, in seconds; 300 where it is left out.";
    Field::optional("ttl", Shape::integer(0, i64::from(i32::MAX)), doc)
}

pub(super) fn names() -> Field {
    let rule = vec![
        Field::required(
            "name",
            Shape::Parsed(Parsed::NameTemplate),
            "The name, `{node}.{network}.{domain}`: the domain is that of the network, else of the site.",
        ),
        Field::optional("network", Shape::Reference(Noun::Network), "Only interfaces in this network."),
        Field::optional("role", Shape::Choice(vec!["primary", "other"]), "Only interfaces of this role."),
    ];
    let doc = "How interfaces are named, the first rule that fits counts; left out, each node has the name \
               `{node}.{domain}` with the addresses of its primary interface.";
    Field::optional("names", Shape::list(Shape::Object(rule)), doc)
}

pub(super) fn of_node() -> Field {
    let service = vec![
        Field::required("service", Shape::Parsed(Parsed::Name), "Its name without underscores, `etcd-server`."),
        Field::optional(
            "protocol",
            Shape::Choice(vec!["tcp", "udp"]),
            "Over what it is spoken; `tcp` where it is left out.",
        ),
        Field::required("port", Shape::integer(0, 65535), "Its port."),
        Field::optional(
            "priority",
            Shape::integer(0, 65535),
            "The nodes of the lowest are asked first; 0 if left out.",
        ),
        Field::optional("weight", Shape::integer(0, 65535), "Its share among those of one priority; 0 if left out."),
    ];
    let dns = vec![
        Field::optional(
            "aliases",
            Shape::list(Shape::Parsed(Parsed::DomainName)),
            "Other names for the node (CNAME); those without a dot are in the domain of its name.",
        ),
        Field::optional("services", Shape::list(Shape::Object(service)), "The services that answer on it (SRV)."),
        Field::optional("texts", Shape::list(Shape::Text), "Texts at its name (TXT)."),
        Field::optional(
            "ttl",
            Shape::integer(0, i64::from(i32::MAX)),
            "The time to live of these records, in seconds; that of the service where it is left out.",
        ),
    ];
    Field::optional("dns", Shape::Object(dns), "The further records of the node in the site's DNS.")
}
