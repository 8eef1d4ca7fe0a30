//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use dip_core::report::handoff::HandOffFormat;
use dip_core::site::{Field, HANDED_OVER, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The workload `etcd`.
pub(crate) const ETCD: &str = "etcd";

/// A cluster whose workload is etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdSettings {
    /// How clients and members talk.
    pub transport: Transport,
    /// The port for clients.
    #[serde(default = "client_port")]
    pub client_port: u16,
    /// The port for members.
    #[serde(default = "peer_port")]
    pub peer_port: u16,
}

/// How clients and members of a cluster talk. There is no default: who runs a cluster without TLS says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Without encryption and without authentication, on a network that nobody else reaches.
    Plaintext,
}

const fn client_port() -> u16 {
    2379
}

const fn peer_port() -> u16 {
    2380
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema { workloads: vec![etcd(), handed_over()], ..SettingsSchema::default() }
}

fn etcd() -> Variant {
    let port = || Shape::integer(1, 65_535);
    Variant::new(
        ETCD,
        "etcd, as the service `etcd` on each member; the package must be on the node.",
        vec![
            Field::required(
                "transport",
                Shape::Choice(vec!["plaintext"]),
                "How clients and members talk; `plaintext` is without encryption and authentication, for a network that nobody else reaches.",
            ),
            Field::optional("client_port", port(), "The port for clients, 2379 where it is left out."),
            Field::optional("peer_port", port(), "The port for members, 2380 where it is left out."),
        ],
    )
}

fn handed_over() -> Variant {
    let installers = HandOffFormat::ALL.map(HandOffFormat::as_str).to_vec();
    Variant::new(
        HANDED_OVER,
        "A workload that another installer brings up: dip brings its members to ready state, and `dip export` lists them for it.",
        vec![Field::required("installer", Shape::Choice(installers), "The installer that takes it over.")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ports_have_the_defaults_of_etcd() {
        let read = EtcdSettings::deserialize(&json!({"transport": "plaintext"})).expect("transport is enough");
        assert_eq!((read.client_port, read.peer_port), (2379, 2380));
    }

    #[test]
    fn the_type_and_the_shape_know_the_same_keys() {
        let all = json!({"transport": "plaintext", "client_port": 1, "peer_port": 2});
        EtcdSettings::deserialize(&all).expect("all keys are known");
        let names: Vec<_> = etcd().fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["transport", "client_port", "peer_port"]);
    }
}
