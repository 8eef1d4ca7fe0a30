//! The settings of monitoring: targets, alerts and thresholds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dip_core::site::{Field, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

use super::{ALERTMANAGER, PROMETHEUS};

/// The label of targets and alerts that tells the site that they belong to.
#[cfg(any(feature = "alertmanager", feature = "prometheus"))]
pub(crate) const SITE_LABEL: &str = "dip_site";

/// The label of targets and alerts that tells the node.
pub(crate) const NODE_LABEL: &str = "node";

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

impl PrometheusSettings {
    /// The labels that it gives to all targets.
    pub(crate) fn of_all_targets(&self) -> BTreeMap<String, String> {
        let job = self.job.iter().map(|job| ("job".to_owned(), job.clone()));
        self.labels.clone().into_iter().chain(job).collect()
    }
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
    NODE_LABEL.to_owned()
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

pub(super) fn prometheus() -> Variant {
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

pub(super) fn alertmanager() -> Variant {
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

pub(super) fn thresholds() -> Field {
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
