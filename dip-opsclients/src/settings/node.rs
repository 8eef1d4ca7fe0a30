//! The settings `opsclients` of a node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dip_core::id::ServiceName;
use dip_core::site::{Field, Noun, Parsed, Shape};
use serde::{Deserialize, Serialize};

/// The settings `opsclients` of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpsClientsSettings {
    /// Which time it follows.
    pub time: Option<TimeSettings>,
    /// Which resolvers it asks.
    pub resolver: Option<ResolverSettings>,
    /// Where it serves its metrics.
    pub metrics: Option<MetricsSettings>,
    /// Where it sends its log.
    pub logging: Option<LoggingSettings>,
    /// Whom its SSH server believes, and who believes it.
    pub ssh: Option<SshSettings>,
    /// The certificate that it holds.
    pub certificate: Option<CertificateSettings>,
    /// The proxy for its packages.
    pub package_proxy: Option<PackageProxySettings>,
    /// The memcached that it runs.
    pub memcached: Option<MemcachedSettings>,
    /// The configuration system that it is under.
    pub agent: Option<AgentSettings>,
}

/// Which time a node follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSettings {
    /// The service of kind `ntp`.
    pub service: ServiceName,
    /// Whether the node's clock is set; left out, it is. A container has the clock of its machine and can only watch.
    pub control_clock: Option<bool>,
    /// Who follows it; left out, chrony, or systemd-timesyncd on a node that has only that.
    pub client: Option<TimeClient>,
}

/// A program that follows time servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeClient {
    /// chrony.
    Chrony,
    /// systemd-timesyncd, which asks one server at a time, on port 123.
    SystemdTimesyncd,
}

/// Which resolvers a node asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolverSettings {
    /// Their addresses, the first is asked first.
    pub servers: Vec<IpAddr>,
    /// The domains that are tried for short names.
    #[serde(default)]
    pub search: Vec<String>,
    /// Who asks them; left out, systemd-resolved on a node where that is enabled, else the C library.
    pub client: Option<ResolverClient>,
}

/// Who asks a node's resolvers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolverClient {
    /// The C library, by `/etc/resolv.conf`.
    ResolvConf,
    /// systemd-resolved.
    SystemdResolved,
}

/// Where a node serves its metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// The TCP port; 9100 where it is left out.
    pub port: Option<u16>,
}

/// Where a node sends its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingSettings {
    /// The service of kind `syslog`.
    pub service: ServiceName,
}

/// Whom a node's SSH server believes, and who believes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshSettings {
    /// The service of kind `ssh_authority` that signs its host key, and whose users it lets in.
    pub authority: ServiceName,
    /// Keys that may log in beside those in the users' own files, by user.
    #[serde(default)]
    pub authorized_keys: BTreeMap<String, Vec<String>>,
    /// For how many days the host certificate counts; 90 where it is left out.
    pub days: Option<u32>,
    /// So many days before its end it is replaced; 30 where it is left out.
    pub renew_before: Option<u32>,
    /// The user as whom a login is tried; `root` where it is left out.
    pub login: Option<String>,
}

/// The certificate that a node holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSettings {
    /// The service of kind `authority` that signs it.
    pub authority: ServiceName,
    /// For how many days it counts; 90 where it is left out.
    pub days: Option<u32>,
    /// So many days before its end it is replaced; 30 where it is left out.
    pub renew_before: Option<u32>,
    /// Units that are reloaded, or started again, when it was replaced.
    #[serde(default)]
    pub reload: Vec<String>,
}

/// The proxy for a node's packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageProxySettings {
    /// Its URL, `http://10.1.0.9:3142`.
    pub url: String,
}

/// The memcached that a node runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemcachedSettings {
    /// The TCP port; 11211 where it is left out.
    pub port: Option<u16>,
    /// How many MiB it keeps; 64 where it is left out.
    pub memory: Option<u32>,
    /// Who can ask it; the node alone where it is left out.
    #[serde(default)]
    pub reach: Reach,
}

/// Who can ask a service of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The node itself.
    #[default]
    Node,
    /// Whoever reaches the node's address. memcached asks nobody for a password.
    Network,
}

/// The configuration system that a node is under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSettings {
    /// The service of kind `ansible`, `puppet`, `salt` or `cinc`.
    pub service: ServiceName,
    /// Values that the agent is given beside what the site knows of the node.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
}

pub(super) fn fields() -> Vec<Field> {
    vec![
        Field::optional("time", Shape::Object(time()), "Which time the node follows, by chrony or systemd-timesyncd."),
        Field::optional(
            "resolver",
            Shape::Object(resolver()),
            "Which resolvers the node asks, by `/etc/resolv.conf` or systemd-resolved.",
        ),
        Field::optional("metrics", Shape::Object(metrics()), "Where the Prometheus node exporter serves metrics."),
        Field::optional("logging", Shape::Object(logging()), "Where the node sends its log, by rsyslog."),
        Field::optional("ssh", Shape::Object(ssh()), "Whom the node's SSH server believes, and who believes it."),
        Field::optional(
            "certificate",
            Shape::Object(certificate()),
            "The certificate of the site's authority that the node holds in `/etc/dip/tls`.",
        ),
        Field::optional("package_proxy", Shape::Object(package_proxy()), "The proxy for the node's packages."),
        Field::optional("memcached", Shape::Object(memcached()), "The memcached that the node runs."),
        Field::optional("agent", Shape::Object(agent()), "The configuration system that the node is under."),
    ]
}

fn time() -> Vec<Field> {
    vec![
        Field::required("service", Shape::Reference(Noun::Service), "The service of kind `ntp`."),
        Field::optional(
            "control_clock",
            Shape::Boolean,
            "Whether the node's clock is set; it is where this is left out. A container can only watch: `false`.",
        ),
        Field::optional(
            "client",
            Shape::Choice(vec!["chrony", "systemd_timesyncd"]),
            "Who follows it; left out, chrony, or systemd-timesyncd on a node that has only that.",
        ),
    ]
}

fn resolver() -> Vec<Field> {
    vec![
        Field::required(
            "servers",
            Shape::list(Shape::Parsed(Parsed::Address)),
            "The addresses of the resolvers, at most three; the first is asked first.",
        ),
        Field::optional(
            "search",
            Shape::list(Shape::Parsed(Parsed::DomainName)),
            "The domains that are tried for short names.",
        ),
        Field::optional(
            "client",
            Shape::Choice(vec!["resolv_conf", "systemd_resolved"]),
            "Who asks them; left out, systemd-resolved on a node where that is enabled, else the C library.",
        ),
    ]
}

fn metrics() -> Vec<Field> {
    vec![Field::optional("port", Shape::integer(1, 65535), "The TCP port; 9100 where it is left out.")]
}

fn logging() -> Vec<Field> {
    vec![Field::required("service", Shape::Reference(Noun::Service), "The service of kind `syslog`.")]
}

fn ssh() -> Vec<Field> {
    vec![
        Field::required(
            "authority",
            Shape::Reference(Noun::Service),
            "The service of kind `ssh_authority` that signs the host key, and whose users the node lets in.",
        ),
        Field::optional(
            "authorized_keys",
            Shape::map(Shape::list(Shape::Text)),
            "Keys that may log in beside those in the users' own files, by user: `ssh-ed25519 AAAA...`.",
        ),
        days(),
        renew_before(),
        Field::optional("login", Shape::Text, "The user as whom a login is tried; `root` where it is left out."),
    ]
}

fn certificate() -> Vec<Field> {
    vec![
        Field::required("authority", Shape::Reference(Noun::Service), "The service of kind `authority` that signs it."),
        days(),
        renew_before(),
        Field::optional(
            "reload",
            Shape::list(Shape::Text),
            "Units that are reloaded, or started again, when it was replaced.",
        ),
    ]
}

fn days() -> Field {
    Field::optional("days", Shape::integer(1, 825), "For how many days it counts; 90 where it is left out.")
}

fn renew_before() -> Field {
    Field::optional(
        "renew_before",
        Shape::integer(0, 824),
        "So many days before its end it is replaced; 30 where it is left out.",
    )
}

fn package_proxy() -> Vec<Field> {
    vec![Field::required("url", Shape::Parsed(Parsed::Url), "Its URL, `http://10.1.0.9:3142`.")]
}

fn memcached() -> Vec<Field> {
    vec![
        Field::optional("port", Shape::integer(1, 65535), "The TCP port; 11211 where it is left out."),
        Field::optional("memory", Shape::integer(8, 1 << 20), "How many MiB it keeps; 64 where it is left out."),
        Field::optional(
            "reach",
            Shape::Choice(vec!["node", "network"]),
            "Who can ask it: the `node` alone, also where this is left out, or whoever reaches it by the `network`. It asks for no password.",
        ),
    ]
}

fn agent() -> Vec<Field> {
    vec![
        Field::required(
            "service",
            Shape::Reference(Noun::Service),
            "The service of kind `ansible`, `puppet`, `salt` or `cinc`.",
        ),
        Field::optional(
            "vars",
            Shape::map(Shape::Text),
            "Values that the agent is given beside what the site knows of the node.",
        ),
    ]
}
