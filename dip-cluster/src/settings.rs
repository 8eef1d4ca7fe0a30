//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use dip_core::site::{Field, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The workload whose clusters this layer coordinates; its shape is that of layer 5.
#[cfg(feature = "etcd")]
pub(crate) const ETCD: &str = "etcd";

/// What this layer reads of a cluster of etcd; the other keys are layer 5's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdSettings {
    /// The port for clients.
    #[serde(default = "client_port")]
    pub client_port: u16,
}

const fn client_port() -> u16 {
    2379
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema { services: vec![haproxy()], ..SettingsSchema::default() }
}

fn haproxy() -> Variant {
    Variant::new(
        "haproxy",
        "A load balancer: HAProxy. It is known and listed; no step changes it yet.",
        vec![
            Field::required("address", Shape::Parsed(Parsed::Endpoint), "Where its runtime interface listens."),
            Field::optional("password", Shape::Parsed(Parsed::Secret), "Where its password is."),
        ],
    )
}
