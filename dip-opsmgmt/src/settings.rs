//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dip_core::id::{LayerId, NetworkName};
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The service kind `rfc2136`.
pub(crate) const RFC2136: &str = "rfc2136";

/// The service kind `powerdns`.
pub(crate) const POWERDNS: &str = "powerdns";

/// The service kind `dnsmasq_hosts`.
pub(crate) const DNSMASQ_HOSTS: &str = "dnsmasq_hosts";

/// The service kind `directory`.
pub(crate) const DIRECTORY: &str = "directory";

/// The service kind `csv`.
pub(crate) const CSV: &str = "csv";

/// The service kind `nautobot`.
pub(crate) const NAUTOBOT: &str = "nautobot";

/// The service kind `netbox`.
pub(crate) const NETBOX: &str = "netbox";

/// The service kind `prometheus`.
pub(crate) const PROMETHEUS: &str = "prometheus";

/// The service kind `alertmanager`.
pub(crate) const ALERTMANAGER: &str = "alertmanager";

/// The kinds of services that tell of alerts; `alerts` is one whose provider the program brings.
pub(crate) const ALERT_KINDS: &[&str] = &[ALERTMANAGER, "alerts"];

/// The kinds of services that are DNS; `dns` is one whose provider the program brings.
pub(crate) const DNS_KINDS: &[&str] = &[RFC2136, POWERDNS, DNSMASQ_HOSTS, "dns"];

/// The kinds of services that are CMDBs; `cmdb` is one whose provider the program brings.
pub(crate) const CMDB_KINDS: &[&str] = &[CSV, DIRECTORY, NAUTOBOT, NETBOX, "cmdb"];

/// The kinds of services that monitor; `monitoring` is one whose provider the program brings.
pub(crate) const MONITOR_KINDS: &[&str] = &[PROMETHEUS, "monitoring"];

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

/// The settings `opsmgmt` of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpsMgmtSettings {
    /// Its further records in DNS.
    pub dns: Option<NodeDns>,
    /// The thresholds at which alerts are raised, by the name of the alert.
    pub thresholds: BTreeMap<String, Threshold>,
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

/// A CMDB of kind `directory`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// The directory; it must be there.
    pub path: PathBuf,
    /// The format of its files.
    #[serde(default)]
    pub format: FileFormat,
}

/// The format of the files of a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// `<node>.yaml`
    #[default]
    Yaml,
    /// `<node>.json`
    Json,
}

/// A CMDB of kind `csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvSettings {
    /// The file; it must be there, with the names of its columns in the first line.
    pub path: PathBuf,
    /// The column that names the nodes.
    #[serde(default = "name")]
    pub name: String,
}

/// A CMDB of kind `nautobot` or `netbox`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetboxSettings {
    /// Where it answers, without `/api`.
    pub url: String,
    /// Where the token of dip's user is.
    pub token: SecretRef,
    /// A file of certificates in PEM, one of which signed its certificate; the system's roots where it is left out.
    pub ca_file: Option<PathBuf>,
    /// The custom field (JSON) of devices that dip writes.
    #[serde(default = "dip")]
    pub field: String,
    /// Which devices the site looks at, as parameters of the API: `location: lab`.
    #[serde(default)]
    pub filter: BTreeMap<String, String>,
    /// The status that a device gets when its node's record is written.
    pub status: Option<String>,
    /// What the devices get that dip makes; without it dip makes none.
    pub create: Option<NewDevice>,
    /// How many things it is asked for at once.
    #[serde(default = "five_hundred")]
    pub page: u32,
}

/// What a device gets that dip makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// The location (Nautobot) or site (NetBox), by its name.
    pub location: String,
    /// The role, by its name.
    pub role: String,
    /// The device type, by its model.
    pub device_type: String,
}

/// A monitoring service of kind `prometheus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrometheusSettings {
    /// The directory that a `file_sd_configs` of Prometheus reads `*.json` from; it must be there.
    pub targets: Option<PathBuf>,
    /// Or the document that something serves to an `http_sd_configs` of Prometheus; its directory must be there.
    pub http_sd: Option<PathBuf>,
    /// Where Prometheus answers.
    pub url: String,
    /// The directory that `rule_files` of Prometheus reads `*.yml` from; without it no thresholds can be set.
    pub rules: Option<PathBuf>,
    /// The label `job` of the targets; that of the scrape configuration where it is left out.
    pub job: Option<String>,
    /// Further labels of the targets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// An Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerSettings {
    /// Where it answers.
    pub url: String,
    /// The label of alerts that names the node.
    #[serde(default = "node_label")]
    pub node_label: String,
    /// The labels that alerts of the site's nodes carry besides; `dip_site` with the site's name where they are left out, which all
    /// targets carry that dip sets.
    pub labels: Option<BTreeMap<String, String>>,
}

fn node_label() -> String {
    "node".to_owned()
}

/// When an alert is raised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// An expression of the service; `$nodes` in it stands for the labels of the nodes.
    pub expression: Option<String>,
    /// Or the name of a metric.
    pub metric: Option<String>,
    /// The alert is raised while the metric is above it.
    pub above: Option<i64>,
    /// The alert is raised while the metric is below it.
    pub below: Option<i64>,
    /// How long that must last.
    #[serde(rename = "for")]
    pub lasting: Option<String>,
    /// The label `severity` of the alert; `warning` where it is left out.
    pub severity: Option<String>,
    /// What the alert says.
    pub summary: Option<String>,
}

/// A span of time as site files write it: `30s`, `5m`, `1h`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let (number, each) =
        units.iter().find_map(|(unit, each)| Some((text.strip_suffix(unit)?.parse::<u64>().ok()?, each)))?;
    Some(Duration::from_millis(number.saturating_mul(*each)))
}

/// Long enough for caches to help, short enough that a moved name is found again soon.
const fn five_minutes() -> u32 {
    300
}

/// What every PowerDNS calls itself where its configuration says nothing.
fn localhost() -> String {
    "localhost".to_owned()
}

/// The column where nothing else is said.
fn name() -> String {
    "name".to_owned()
}

/// The custom field where nothing else is said.
fn dip() -> String {
    "dip".to_owned()
}

/// Both products give out up to 1,000 things at once; half of it takes less than a second each.
const fn five_hundred() -> u32 {
    500
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    let services = vec![
        rfc2136(),
        powerdns(),
        dnsmasq_hosts(),
        csv(),
        directory(),
        netbox(
            NAUTOBOT,
            "Nautobot, from release 2 on, by its REST API. dip writes one custom field, serial numbers and a status.",
        ),
        netbox(
            NETBOX,
            "NetBox, from release 3.6 on, by its REST API. dip writes one custom field, serial numbers and a status.",
        ),
        prometheus(),
        alertmanager(),
        external_dns("dns", "A DNS service whose provider (`Dns`) the program brings that uses dip."),
        external("cmdb", "A CMDB whose provider (`Cmdb`) the program brings that uses dip."),
        external(
            "alerts",
            "Alerts whose provider (`Alerts`, and `Silences` of dip-core) the program brings that uses dip.",
        ),
        external("monitoring", "A monitoring service whose provider (`Monitor`) the program brings that uses dip."),
    ];
    SettingsSchema { services, node: BTreeMap::from([(LayerId::OpsMgmt, node())]), ..SettingsSchema::default() }
}

fn rfc2136() -> Variant {
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

fn powerdns() -> Variant {
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

fn dnsmasq_hosts() -> Variant {
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

fn directory() -> Variant {
    Variant::new(
        DIRECTORY,
        "A CMDB that is a directory of files, one for each node. dip writes only what is under the key `dip`.",
        vec![
            Field::required("path", Shape::Parsed(Parsed::Path), "The directory; it must be there."),
            Field::optional(
                "format",
                Shape::Choice(vec!["yaml", "json"]),
                "The format of its files, `<node>.yaml` or `<node>.json`; `yaml` where it is left out.",
            ),
        ],
    )
}

fn csv() -> Variant {
    Variant::new(
        CSV,
        "A CMDB that is one table of comma-separated values. dip writes only its columns `dip_...`.",
        vec![
            Field::required(
                "path",
                Shape::Parsed(Parsed::Path),
                "The file; it must be there, with the names of its columns in the first line.",
            ),
            Field::optional("name", Shape::Text, "The column that names the nodes; `name` where it is left out."),
        ],
    )
}

fn netbox(kind: &'static str, doc: &'static str) -> Variant {
    let create = vec![
        Field::required("location", Shape::Text, "The location (Nautobot) or site (NetBox), by its name."),
        Field::required("role", Shape::Text, "The role, by its name."),
        Field::required("device_type", Shape::Text, "The device type, by its model."),
    ];
    Variant::new(
        kind,
        doc,
        vec![
            Field::required("url", Shape::Parsed(Parsed::Url), "Where it answers, without `/api`."),
            Field::required("token", Shape::Parsed(Parsed::Secret), "Where the token of dip's user is."),
            Field::optional(
                "ca_file",
                Shape::Parsed(Parsed::Path),
                "A file of certificates in PEM, one of which signed its certificate; the system's roots where it is left out.",
            ),
            Field::optional(
                "field",
                Shape::Text,
                "The custom field (JSON) of devices that dip writes; `dip` where it is left out.",
            ),
            Field::optional(
                "filter",
                Shape::map(Shape::Text),
                "Which devices the site looks at, as parameters of the API: `{location: lab}`; all where it is left out.",
            ),
            Field::optional(
                "status",
                Shape::Text,
                "The status that a device gets when its node's record is written; left as it is where it is left out.",
            ),
            Field::optional(
                "create",
                Shape::Object(create),
                "What the devices get that dip makes; where it is left out dip makes none.",
            ),
            Field::optional(
                "page",
                Shape::integer(1, 1000),
                "How many things it is asked for at once; 500 where it is left out.",
            ),
        ],
    )
}

fn prometheus() -> Variant {
    Variant::new(
        PROMETHEUS,
        "Prometheus, through target files. dip must run where their directory is.",
        vec![
            Field::optional(
                "targets",
                Shape::Parsed(Parsed::Path),
                "The directory that a `file_sd_configs` of Prometheus reads `*.json` from; it must be there.",
            ),
            Field::optional(
                "http_sd",
                Shape::Parsed(Parsed::Path),
                "Instead of `targets`: the document that is served to an `http_sd_configs` of Prometheus; its directory must be there.",
            ),
            Field::required("url", Shape::Parsed(Parsed::Url), "Where Prometheus answers, `http://10.0.0.6:9090`."),
            Field::optional(
                "job",
                Shape::Text,
                "The label `job` of the targets; that of the scrape configuration where it is left out.",
            ),
            Field::optional("labels", Shape::map(Shape::Text), "Further labels of the targets."),
            Field::optional(
                "rules",
                Shape::Parsed(Parsed::Path),
                "The directory that `rule_files` of Prometheus reads `*.yml` from, for thresholds; it must be there.",
            ),
        ],
    )
}

fn external_dns(kind: &'static str, doc: &'static str) -> Variant {
    let mut variant = external(kind, doc);
    variant.fields.push(names());
    variant
}

fn names() -> Field {
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

fn node() -> Vec<Field> {
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
    let dns = Field::optional("dns", Shape::Object(dns), "The further records of the node in the site's DNS.");
    vec![dns, thresholds()]
}

fn alertmanager() -> Variant {
    Variant::new(
        ALERTMANAGER,
        "Alertmanager: alerts that fire hold up rollouts, and those of nodes that are worked on are silenced.",
        vec![
            Field::required("url", Shape::Parsed(Parsed::Url), "Where it answers, `http://10.0.0.6:9093`."),
            Field::optional(
                "node_label",
                Shape::Parsed(Parsed::Name),
                "The label of alerts that names the node; `node` where it is left out.",
            ),
            Field::optional(
                "labels",
                Shape::map(Shape::Text),
                "The labels that alerts of the site's nodes carry besides; `dip_site` with the site's name where it is left out.",
            ),
        ],
    )
}

fn thresholds() -> Field {
    let number = || Shape::integer(i64::MIN, i64::MAX);
    let threshold = vec![
        Field::optional(
            "expression",
            Shape::Text,
            "An expression of the monitoring service; `$nodes` in it stands for the labels of the nodes.",
        ),
        Field::optional("metric", Shape::Text, "Or the name of a metric."),
        Field::optional("above", number(), "The alert is raised while the metric is above it."),
        Field::optional("below", number(), "The alert is raised while the metric is below it."),
        Field::optional(
            "for",
            Shape::Parsed(Parsed::Duration),
            "How long that must last; no time where it is left out.",
        ),
        Field::optional("severity", Shape::Text, "The label `severity` of the alert; `warning` where it is left out."),
        Field::optional("summary", Shape::Text, "What the alert says."),
    ];
    Field::optional(
        "thresholds",
        Shape::map(Shape::Object(threshold)),
        "The thresholds at which the site's monitoring raises alerts, by the name of the alert.",
    )
}

fn external(kind: &'static str, doc: &'static str) -> Variant {
    Variant::new(kind, doc, vec![Field::optional("settings", Shape::map(Shape::Text), "Whatever that provider reads.")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn value(shape: &Shape) -> Value {
        match shape {
            Shape::List(of) => json!([value(of)]),
            Shape::Reference(_) => json!("a"),
            Shape::Map(of) => json!({"a": value(of)}),
            Shape::Integer { min, .. } => json!(min),
            Shape::Choice(words) => json!(words[0]),
            Shape::Object(fields) => object(fields),
            Shape::Parsed(Parsed::Secret) => json!("env:A"),
            _ => json!("a"),
        }
    }

    fn object(fields: &[Field]) -> Value {
        fields
            .iter()
            .map(|field| (field.name.to_owned(), value(&field.shape)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn agrees<T: Serialize + for<'de> Deserialize<'de>>(variant: &Variant) {
        let shape = object(&variant.fields);
        let read = T::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), shape);
        let required: Vec<_> = variant
            .fields
            .iter()
            .filter(|field| field.presence == dip_core::site::Presence::Required)
            .cloned()
            .collect();
        T::deserialize(object(&required)).expect("what the shape lets be left out, the type does too");
    }

    #[test]
    fn the_types_and_the_shapes_agree() {
        agrees::<Rfc2136Settings>(&rfc2136());
        agrees::<PowerDnsSettings>(&powerdns());
        agrees::<HostsDirectorySettings>(&dnsmasq_hosts());
        agrees::<DirectorySettings>(&directory());
        agrees::<CsvSettings>(&csv());
        agrees::<NetboxSettings>(&netbox(NAUTOBOT, ""));
        agrees::<PrometheusSettings>(&prometheus());
        agrees::<AlertmanagerSettings>(&alertmanager());
        let of_node = object(&node());
        let read = OpsMgmtSettings::deserialize(&of_node).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), of_node);
    }
}
