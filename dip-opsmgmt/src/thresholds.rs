//! From the thresholds of nodes to the rules of a site: nodes with the same threshold share a rule.

use std::collections::BTreeMap;

use dip_core::id::NodeName;
use dip_core::layer::Note;
use dip_core::site::{Node, Site};

use crate::provider::Rule;
use crate::settings::{OpsMgmtSettings, Threshold, span};

/// What stands for the labels of the nodes in an expression.
const NODES: &str = "$nodes";

/// The rules of all thresholds of a site, and what is wrong with them.
pub(crate) fn rules(site: &Site, nodes: &[(&Node, OpsMgmtSettings)], notes: &mut Vec<Note>) -> Vec<Rule> {
    let mut shared: BTreeMap<(String, Threshold), Vec<&NodeName>> = BTreeMap::new();
    for (node, settings) in nodes {
        for (alert, threshold) in settings.thresholds.clone() {
            shared.entry((alert, threshold)).or_default().push(&node.name);
        }
    }
    let mut rules = Vec::new();
    for ((alert, threshold), nodes) in shared {
        match expression(&threshold) {
            Ok(expression) => rules.push(rule(site, alert, threshold, &expression, &nodes)),
            Err(why) => {
                let node = &site.nodes[nodes[0]];
                let settings = &node.settings;
                let origin = settings.origin(&format!("opsmgmt.thresholds.{alert}")).or(node.origin.as_ref()).cloned();
                notes.push(Note { text: format!("the threshold `{alert}` {why}"), origin });
            }
        }
    }
    rules
}

fn expression(threshold: &Threshold) -> Result<String, &'static str> {
    match (&threshold.expression, &threshold.metric, threshold.above, threshold.below) {
        (Some(expression), None, None, None) => Ok(expression.clone()),
        (None, Some(metric), Some(above), None) => Ok(format!("{metric}{{{NODES}}} > {above}")),
        (None, Some(metric), None, Some(below)) => Ok(format!("{metric}{{{NODES}}} < {below}")),
        _ => Err("needs either an `expression`, or a `metric` with `above` or `below`"),
    }
}

fn rule(site: &Site, alert: String, threshold: Threshold, expression: &str, nodes: &[&NodeName]) -> Rule {
    let names = nodes.iter().map(|node| node.as_str().replace('.', "\\\\.")).collect::<Vec<_>>().join("|");
    let labels = format!("dip_site=\"{}\",node=~\"{names}\"", site.name);
    Rule {
        alert,
        expression: expression.replace(NODES, &labels),
        lasting: threshold.lasting.as_deref().and_then(span).unwrap_or_default(),
        severity: threshold.severity.unwrap_or_else(|| "warning".to_owned()),
        summary: threshold.summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use dip_core::id::LayerId;
    use serde_json::json;

    fn rules_of(thresholds: serde_json::Value) -> (Vec<Rule>, Vec<Note>) {
        let mut site = site(&["prometheus"]);
        let mut second = site.nodes.values().next().expect("it has a node").clone();
        second.name = NodeName::new("n2").expect("a name");
        site.nodes.insert(second.name.clone(), second);
        for node in site.nodes.values_mut() {
            node.settings.layers.insert(LayerId::OpsMgmt, json!({"thresholds": thresholds}));
        }
        let mut notes = Vec::new();
        let nodes: Vec<_> = site.ready_nodes().map(|node| (node, OpsMgmtSettings::of(node))).collect();
        let rules = rules(&site, &nodes, &mut notes);
        (rules, notes)
    }

    #[test]
    fn nodes_with_the_same_threshold_share_a_rule() {
        let (rules, notes) = rules_of(json!({"Hot": {"metric": "temperature", "above": 30, "for": "5m"}}));
        assert!(notes.is_empty());
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].expression, "temperature{dip_site=\"lab\",node=~\"n1|n2\"} > 30");
        assert_eq!((rules[0].lasting.as_secs(), rules[0].severity.as_str()), (300, "warning"));
        let (rules, _) = rules_of(json!({"Full": {"expression": "sum(full{$nodes}) > 0.9"}}));
        assert_eq!(rules[0].expression, "sum(full{dip_site=\"lab\",node=~\"n1|n2\"}) > 0.9");
    }

    #[test]
    fn a_threshold_without_a_number_is_noted() {
        let (rules, notes) = rules_of(json!({"Hot": {"metric": "temperature"}}));
        assert!(rules.is_empty());
        assert!(notes[0].to_string().contains("the threshold `Hot` needs either an `expression`"));
    }
}
