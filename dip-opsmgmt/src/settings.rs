//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dip_core::secret::SecretRef;
use dip_core::site::{Field, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The service kind `rfc2136`.
pub(crate) const RFC2136: &str = "rfc2136";

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

/// The kinds of services that are DNS; `dns` is one whose provider the program brings.
pub(crate) const DNS_KINDS: &[&str] = &[RFC2136, "dns"];

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
    pub targets: PathBuf,
    /// Where Prometheus answers.
    pub url: String,
    /// The label `job` of the targets; that of the scrape configuration where it is left out.
    pub job: Option<String>,
    /// Further labels of the targets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Long enough for caches to help, short enough that a moved name is found again soon.
const fn five_minutes() -> u32 {
    300
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
        external("dns", "A DNS service whose provider (`Dns`) the program brings that uses dip."),
        external("cmdb", "A CMDB whose provider (`Cmdb`) the program brings that uses dip."),
        external("monitoring", "A monitoring service whose provider (`Monitor`) the program brings that uses dip."),
    ];
    SettingsSchema { services, ..SettingsSchema::default() }
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
            Field::optional(
                "ttl",
                Shape::integer(0, i64::from(i32::MAX)),
                "The time to live of the records, in seconds; 300 where it is left out.",
            ),
        ],
    )
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
            Field::required(
                "targets",
                Shape::Parsed(Parsed::Path),
                "The directory that a `file_sd_configs` of Prometheus reads `*.json` from; it must be there.",
            ),
            Field::required("url", Shape::Parsed(Parsed::Url), "Where Prometheus answers, `http://10.0.0.6:9090`."),
            Field::optional(
                "job",
                Shape::Text,
                "The label `job` of the targets; that of the scrape configuration where it is left out.",
            ),
            Field::optional("labels", Shape::map(Shape::Text), "Further labels of the targets."),
        ],
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
            Shape::List(_) => json!(["a"]),
            Shape::Map(_) => json!({"a": "b"}),
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
        agrees::<DirectorySettings>(&directory());
        agrees::<CsvSettings>(&csv());
        agrees::<NetboxSettings>(&netbox(NAUTOBOT, ""));
        agrees::<PrometheusSettings>(&prometheus());
    }
}
