//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dip_core::id::LayerId;
use dip_core::site::{Field, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

mod dns;

pub use dns::{
    HostsDirectorySettings, KeyAlgorithm, NameRule, NodeDns, NodeService, OpsMgmtSettings, PowerDnsSettings, Protocol,
    Rfc2136Settings, RuleRole, TsigKey,
};

/// The service kind `rfc2136`.
pub(crate) const RFC2136: &str = "rfc2136";

/// The service kind `powerdns`.
pub(crate) const POWERDNS: &str = "powerdns";

/// The service kind `dnsmasq_hosts`.
pub(crate) const DNSMASQ_HOSTS: &str = "dnsmasq_hosts";

/// The service kind `directory`.
pub(crate) const DIRECTORY: &str = "directory";

/// The service kind `prometheus`.
pub(crate) const PROMETHEUS: &str = "prometheus";

/// The kinds of services that are DNS; `dns` is one whose provider the program brings.
pub(crate) const DNS_KINDS: &[&str] = &[RFC2136, POWERDNS, DNSMASQ_HOSTS, "dns"];

/// The kinds of services that are CMDBs; `cmdb` is one whose provider the program brings.
pub(crate) const CMDB_KINDS: &[&str] = &[DIRECTORY, "cmdb"];

/// The kinds of services that monitor; `monitoring` is one whose provider the program brings.
pub(crate) const MONITOR_KINDS: &[&str] = &[PROMETHEUS, "monitoring"];

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

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    let services = vec![
        dns::rfc2136(),
        dns::powerdns(),
        dns::dnsmasq_hosts(),
        directory(),
        prometheus(),
        external("dns", "A DNS service whose provider (`Dns`) the program brings that uses dip.", vec![dns::names()]),
        external("cmdb", "A CMDB whose provider (`Cmdb`) the program brings that uses dip.", Vec::new()),
        external(
            "monitoring",
            "A monitoring service whose provider (`Monitor`) the program brings that uses dip.",
            Vec::new(),
        ),
    ];
    SettingsSchema { services, node: BTreeMap::from([(LayerId::OpsMgmt, dns::node())]), ..SettingsSchema::default() }
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

fn external(kind: &'static str, doc: &'static str, further: Vec<Field>) -> Variant {
    let settings = Field::optional("settings", Shape::map(Shape::Text), "Whatever that provider reads.");
    Variant::new(kind, doc, [vec![settings], further].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn value(shape: &Shape) -> Value {
        match shape {
            Shape::List(of) => json!([value(of)]),
            Shape::Reference(_) => json!("a"),
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
        agrees::<Rfc2136Settings>(&dns::rfc2136());
        agrees::<PowerDnsSettings>(&dns::powerdns());
        agrees::<HostsDirectorySettings>(&dns::dnsmasq_hosts());
        agrees::<DirectorySettings>(&directory());
        agrees::<PrometheusSettings>(&prometheus());
        let of_node = object(&dns::node());
        let read = OpsMgmtSettings::deserialize(&of_node).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), of_node);
    }
}
