//! What Alertmanager and Prometheus have in common: an alert is labels and annotations.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::provider::{Alert, AlertsOf};

type Words = BTreeMap<String, String>;

/// Those alerts that are asked for, of all that fire, each with its labels, its annotations and since when; the one that fires
/// longest first. `beside` is what alerts of the site's nodes carry beside the label of the node.
pub(super) fn told<'a>(
    all: impl Iterator<Item = (&'a Words, &'a Words, Timestamp)>,
    of: &AlertsOf,
    node_label: &str,
    beside: &Words,
) -> Vec<Alert> {
    let ours = all.filter(|(labels, ..)| is_of(labels, of, node_label, beside));
    let mut told: Vec<Alert> =
        ours.map(|(labels, annotations, since)| one(labels, annotations, since, node_label)).collect();
    told.sort_by(|a, b| (a.since, &a.name, &a.node).cmp(&(b.since, &b.name, &b.node)));
    told
}

/// Whether an alert is asked for.
fn is_of(labels: &Words, of: &AlertsOf, node_label: &str, beside: &Words) -> bool {
    let carries = |wanted: &Words| wanted.iter().all(|(name, value)| labels.get(name) == Some(value));
    let of_node = || {
        let node = labels.get(node_label);
        node.is_some_and(|node| of.nodes.iter().any(|name| name.as_str() == node)) && carries(beside)
    };
    (!of.labels.is_empty() && carries(&of.labels)) || of_node()
}

/// An alert in dip's words.
fn one(labels: &Words, annotations: &Words, since: Timestamp, node_label: &str) -> Alert {
    Alert {
        name: labels.get("alertname").cloned().unwrap_or_else(|| "without a name".to_owned()),
        node: labels.get(node_label).cloned(),
        since,
        summary: annotations.get("summary").or_else(|| annotations.get("description")).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(of: &[(&str, &str)]) -> Words {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_alert_counts_by_its_node_and_site_or_by_the_labels_that_are_named() {
        let of = AlertsOf {
            site: dip_core::id::SiteName::new("lab").expect("a name"),
            nodes: vec![dip_core::id::NodeName::new("n1").expect("a name")],
            labels: words(&[("severity", "page")]),
        };
        let is = |labels: &[(&str, &str)]| is_of(&words(labels), &of, "node", &words(&[("dip_site", "lab")]));
        assert!(is(&[("node", "n1"), ("dip_site", "lab")]));
        assert!(!is(&[("node", "n1"), ("dip_site", "other")]), "another site's node of the same name");
        assert!(!is(&[("node", "n2"), ("dip_site", "lab")]));
        assert!(is(&[("severity", "page")]));
        assert!(!is(&[("severity", "info")]));
    }
}
