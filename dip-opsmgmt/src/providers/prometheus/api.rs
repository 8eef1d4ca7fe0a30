//! The parts of Prometheus' HTTP interface that tell of targets, alerts and rules: `/api/v1/targets`, `/alerts` and `/rules`.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Deserialize;

use super::target_file::{Group, NODE, SITE};
use crate::provider::Health;

/// The answer of `/api/v1/targets`; what dip does not read is left out.
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

/// What is scraped, by the addresses with which it was discovered.
#[derive(Debug)]
pub(super) struct Scraped(HashMap<String, Vec<Active>>);

impl From<Answer> for Scraped {
    fn from(answer: Answer) -> Self {
        let mut all: HashMap<String, Vec<Active>> = HashMap::new();
        for target in answer.data.active_targets {
            if let Some(address) = target.discovered_labels.get("__address__") {
                all.entry(address.clone()).or_default().push(target);
            }
        }
        Self(all)
    }
}

impl Scraped {
    /// The health of a group's one target. Relabelling may change labels: those count with which it was discovered.
    pub(super) fn health(&self, group: &Group) -> Health {
        let is = |target: &&Active| {
            [SITE, NODE].into_iter().all(|name| target.discovered_labels.get(name) == group.labels.get(name))
        };
        let there = group.targets.first().and_then(|address| self.0.get(address));
        // Several scrape configurations may read the directory: one that is down is told.
        let mut found = Health::Unknown;
        for target in there.into_iter().flatten().filter(is) {
            match target.health.as_str() {
                "up" => found = Health::Up,
                "down" => return Health::Down { error: target.last_error.clone() },
                _ => return Health::Unknown,
            }
        }
        found
    }
}

/// The answer of `/api/v1/alerts`.
#[derive(Debug, Deserialize)]
pub(super) struct Alerting {
    data: Raised,
}

#[derive(Debug, Deserialize)]
struct Raised {
    alerts: Vec<RaisedAlert>,
}

/// An alert that is pending or fires.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RaisedAlert {
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    state: String,
    pub(super) active_at: Timestamp,
}

impl Alerting {
    pub(super) fn firing(&self) -> impl Iterator<Item = &RaisedAlert> {
        self.data.alerts.iter().filter(|alert| alert.state == "firing")
    }
}

/// The answer of `/api/v1/rules?type=alert`.
#[derive(Debug, Deserialize)]
pub(super) struct Ruling {
    data: Groups,
}

#[derive(Debug, Deserialize)]
struct Groups {
    groups: Vec<RuleGroup>,
}

#[derive(Debug, Deserialize)]
struct RuleGroup {
    name: String,
    rules: Vec<RunningRule>,
}

/// A rule as it is evaluated.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunningRule {
    pub(super) name: String,
    /// In seconds.
    pub(super) duration: f64,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) health: String,
    pub(super) last_error: Option<String>,
}

impl Ruling {
    pub(super) fn of_group(&self, name: &str) -> Vec<&RunningRule> {
        self.data.groups.iter().filter(|group| group.name == name).flat_map(|group| &group.rules).collect()
    }
}
