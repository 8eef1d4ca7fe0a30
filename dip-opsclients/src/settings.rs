//! The settings that this layer reads of nodes and services, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dip_core::id::{LayerId, ServiceName};
use dip_core::site::{Field, Noun, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The service kind `ntp`.
pub(crate) const NTP: &str = "ntp";

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
}

/// Which time a node follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSettings {
    /// The service of kind `ntp`.
    pub service: ServiceName,
    /// Whether the node's clock is set; left out, it is. A container has the clock of its machine and can only watch.
    pub control_clock: Option<bool>,
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
}

/// Where a node serves its metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// The TCP port; 9100 where it is left out.
    pub port: Option<u16>,
}

/// A time service of kind `ntp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NtpSettings {
    /// Its servers: addresses or host names, with a port where it is not 123.
    pub servers: Vec<String>,
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema {
        node: BTreeMap::from([(LayerId::OpsClients, node())]),
        services: vec![ntp()],
        ..SettingsSchema::default()
    }
}

fn node() -> Vec<Field> {
    let time = vec![
        Field::required("service", Shape::Reference(Noun::Service), "The service of kind `ntp`."),
        Field::optional(
            "control_clock",
            Shape::Boolean,
            "Whether the node's clock is set; it is where this is left out. A container can only watch: `false`.",
        ),
    ];
    let resolver = vec![
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
    ];
    let metrics = vec![Field::optional("port", Shape::integer(1, 65535), "The TCP port; 9100 where it is left out.")];
    vec![
        Field::optional("time", Shape::Object(time), "Which time the node follows, by chrony."),
        Field::optional("resolver", Shape::Object(resolver), "Which resolvers the node asks, by `/etc/resolv.conf`."),
        Field::optional("metrics", Shape::Object(metrics), "Where the Prometheus node exporter serves metrics."),
    ]
}

fn ntp() -> Variant {
    let servers = Field::required(
        "servers",
        Shape::list(Shape::Parsed(Parsed::Endpoint)),
        "Its servers: addresses or host names, with a port where it is not 123.",
    );
    Variant::new(NTP, "A time service: NTP servers (RFC 5905).", vec![servers])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A value of the right form for a shape.
    fn example(shape: &Shape) -> Value {
        match shape {
            Shape::Integer { min, .. } => json!(min),
            Shape::Boolean => json!(false),
            Shape::Parsed(Parsed::Address) => json!("10.0.0.1"),
            Shape::List(of) => json!([example(of)]),
            Shape::Object(fields) => {
                fields.iter().map(|field| (field.name.to_owned(), example(&field.shape))).collect()
            }
            _ => json!("a"),
        }
    }

    #[test]
    fn the_types_and_the_shapes_know_the_same_keys() {
        let full = example(&Shape::Object(node()));
        let read = OpsClientsSettings::deserialize(&full).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), full);
        let full = example(&Shape::Object(ntp().fields));
        let read = NtpSettings::deserialize(&full).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), full);
    }
}
