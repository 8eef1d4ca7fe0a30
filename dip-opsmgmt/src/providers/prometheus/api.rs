//! The part of Prometheus' HTTP interface that tells of targets: `/api/v1/targets`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::target_file::{Group, NODE, SITE};
use crate::provider::Health;

/// An answer; what dip does not read is left out.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    data: Data,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    active_targets: Vec<Active>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    #[serde(default)]
    discovered_labels: BTreeMap<String, String>,
    #[serde(default)]
    last_error: String,
    health: String,
}

impl Answer {
    /// The health of a group's one target. Relabelling may change labels: those count with which it was discovered.
    pub(super) fn health(&self, group: &Group) -> Health {
        let is = |labels: &BTreeMap<String, String>| {
            labels.get("__address__") == group.targets.first()
                && [SITE, NODE].into_iter().all(|name| labels.get(name) == group.labels.get(name))
        };
        // Several scrape configurations may read the directory: one that is down is told.
        let mut found = Health::Unknown;
        for target in self.data.active_targets.iter().filter(|target| is(&target.discovered_labels)) {
            match target.health.as_str() {
                "up" => found = Health::Up,
                "down" => return Health::Down { error: target.last_error.clone() },
                _ => return Health::Unknown,
            }
        }
        found
    }
}
