//! Services that the site has, and clusters that it wants.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Driver, Origin};
use crate::id::{ClusterName, NodeName, RoleName, ServiceName};

/// A service that the site already has: its DNS, DHCP, NTP, CMDB, monitoring, load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Its kind with the fields of that kind.
    pub driver: Driver,
}

/// A cluster: a workload and the nodes that carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its workload with the fields of that kind.
    pub workload: Driver,
    /// Its members by the part that they play.
    pub members: BTreeMap<RoleName, Vec<NodeName>>,
    /// What must hold while it is changed.
    pub policy: ClusterPolicy,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// The kind of a workload that another installer brings up: dip brings its members to ready state and hands them over.
pub const HANDED_OVER: &str = "handed_over";

impl Cluster {
    /// Whether another installer brings it up: no layer proposes anything for it then.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.workload.kind.as_str() == HANDED_OVER
    }

    /// The installer that it is handed over to, where it is.
    #[must_use]
    pub fn installer(&self) -> Option<&str> {
        self.workload.settings.get("installer").filter(|_| self.is_handed_over())?.as_str()
    }
}

/// What must hold while a cluster is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPolicy {
    /// How many members may be away at once.
    pub max_unavailable: Option<u16>,
    /// Over what its members must be spread.
    pub spread: Option<Spread>,
    /// How many members go first, alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<u16>,
    /// How many go at once after them; `max_unavailable` where it is left out, else all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u16>,
    /// When a person must say that it goes on.
    #[serde(default, skip_serializing_if = "Pause::is_never")]
    pub pause: Pause,
    /// The labels of alerts that hold it up while they fire, beside those of its members.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<String, String>,
}

/// When a rollout waits for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// Never: it goes on as long as all is well.
    #[default]
    Never,
    /// Once, after the first members.
    AfterCanary,
    /// After the first members, and after every wave but the last.
    EachWave,
}

impl Pause {
    // Serde hands a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }
}

/// A failure domain that members are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// No two in one rack.
    Rack,
    /// No two on one PDU.
    Pdu,
    /// No two on one switch.
    Switch,
}
