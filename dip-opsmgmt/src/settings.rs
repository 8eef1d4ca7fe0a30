//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;

use dip_core::id::LayerId;
use dip_core::site::{Field, Node, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

mod cmdb;
mod dns;
mod monitoring;

pub use cmdb::{CsvSettings, DirectorySettings, FileFormat, Interfaces, NetboxSettings, NewDevice, Owned};
pub use dns::{
    HostsDirectorySettings, KeyAlgorithm, NameRule, NodeDns, NodeService, PowerDnsSettings, Protocol, Rfc2136Settings,
    RuleRole, TsigKey,
};
#[cfg(feature = "prometheus")]
pub(crate) use monitoring::NODE_LABEL;
#[cfg(any(feature = "alertmanager", feature = "prometheus"))]
pub(crate) use monitoring::SITE_LABEL;
pub(crate) use monitoring::span;
pub use monitoring::{AlertmanagerSettings, PrometheusSettings, Threshold};

/// The service kind `rfc2136`.
pub const RFC2136: &str = "rfc2136";

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
pub const ALERT_KINDS: &[&str] = &[ALERTMANAGER, "alerts"];

/// The kinds of services that are DNS; `dns` is one whose provider the program brings.
pub const DNS_KINDS: &[&str] = &[RFC2136, POWERDNS, DNSMASQ_HOSTS, "dns"];

/// The kinds of services that are CMDBs; `cmdb` is one whose provider the program brings.
pub const CMDB_KINDS: &[&str] = &[CSV, DIRECTORY, NAUTOBOT, NETBOX, "cmdb"];

/// The kinds of services that monitor; `monitoring` is one whose provider the program brings.
pub const MONITOR_KINDS: &[&str] = &[PROMETHEUS, "monitoring"];

/// The settings `opsmgmt` of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpsMgmtSettings {
    /// Its further records in DNS.
    pub dns: Option<NodeDns>,
    /// The thresholds at which alerts are raised, by the name of the alert.
    pub thresholds: BTreeMap<String, Threshold>,
}

impl OpsMgmtSettings {
    /// Those of a node. What is of another type the check of the site file has told.
    pub(crate) fn of(node: &Node) -> Self {
        node.settings.read(LayerId::OpsMgmt).ok().flatten().unwrap_or_default()
    }
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    let services = vec![
        dns::rfc2136(),
        dns::powerdns(),
        dns::dnsmasq_hosts(),
        cmdb::csv(),
        cmdb::directory(),
        cmdb::netbox(
            NAUTOBOT,
            "Nautobot, from release 2 on, by its REST API. dip writes one custom field, serial numbers, a status, and interfaces with their addresses.",
        ),
        cmdb::netbox(
            NETBOX,
            "NetBox, from release 3.6 on, by its REST API. dip writes one custom field, serial numbers, a status, and interfaces with their addresses.",
        ),
        monitoring::prometheus(),
        monitoring::alertmanager(),
        external("dns", "A DNS service whose provider (`Dns`) the program brings that uses dip.", vec![dns::names()]),
        external("cmdb", "A CMDB whose provider (`Cmdb`) the program brings that uses dip.", Vec::new()),
        external(
            "alerts",
            "Alerts whose provider (`Alerts`, and `Silences` of dip-core) the program brings that uses dip.",
            Vec::new(),
        ),
        external(
            "monitoring",
            "A monitoring service whose provider (`Monitor`) the program brings that uses dip.",
            Vec::new(),
        ),
    ];
    SettingsSchema { services, node: BTreeMap::from([(LayerId::OpsMgmt, node())]), ..SettingsSchema::default() }
}

fn node() -> Vec<Field> {
    vec![dns::of_node(), monitoring::thresholds()]
}

fn external(kind: &'static str, doc: &'static str, further: Vec<Field>) -> Variant {
    let settings = Field::optional("settings", Shape::map(Shape::Text), "Whatever that provider reads.");
    Variant::new(kind, doc, [vec![settings], further].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::site::Parsed;
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
        agrees::<Rfc2136Settings>(&dns::rfc2136());
        agrees::<PowerDnsSettings>(&dns::powerdns());
        agrees::<HostsDirectorySettings>(&dns::dnsmasq_hosts());
        agrees::<DirectorySettings>(&cmdb::directory());
        agrees::<CsvSettings>(&cmdb::csv());
        agrees::<NetboxSettings>(&cmdb::netbox(NAUTOBOT, ""));
        agrees::<PrometheusSettings>(&monitoring::prometheus());
        agrees::<AlertmanagerSettings>(&monitoring::alertmanager());
        let of_node = object(&node());
        let read = OpsMgmtSettings::deserialize(&of_node).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), of_node);
    }
}
