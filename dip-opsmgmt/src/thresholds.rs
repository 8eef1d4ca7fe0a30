//! From the thresholds of nodes to the rules of a site: nodes with the same threshold share a rule.

use std::collections::BTreeMap;

use dip_core::id::NodeName;
use dip_core::layer::Note;
use dip_core::site::{Node, Site};

use crate::provider::{Condition, Rule};
use crate::settings::{OpsMgmtSettings, Threshold, span};

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
        match condition(&threshold) {
            Ok(when) => rules.push(rule(alert, threshold, when, nodes.into_iter().cloned().collect())),
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

fn condition(threshold: &Threshold) -> Result<Condition, &'static str> {
    match (&threshold.expression, &threshold.metric, threshold.above, threshold.below) {
        (Some(expression), None, None, None) => Ok(Condition::Expression(expression.clone())),
        (None, Some(metric), Some(bound), None) => Ok(Condition::Above { metric: metric.clone(), bound }),
        (None, Some(metric), None, Some(bound)) => Ok(Condition::Below { metric: metric.clone(), bound }),
        _ => Err("needs either an `expression`, or a `metric` with `above` or `below`"),
    }
}

fn rule(alert: String, threshold: Threshold, when: Condition, nodes: Vec<NodeName>) -> Rule {
    Rule {
        alert,
        when,
        nodes,
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
        assert_eq!(rules[0].when, Condition::Above { metric: "temperature".to_owned(), bound: 30 });
        assert_eq!(rules[0].nodes.iter().map(NodeName::as_str).collect::<Vec<_>>(), ["n1", "n2"]);
        assert_eq!((rules[0].lasting.as_secs(), rules[0].severity.as_str()), (300, "warning"));
        let (rules, _) = rules_of(json!({"Full": {"expression": "sum(full{$nodes}) > 0.9"}}));
        assert_eq!(rules[0].when, Condition::Expression("sum(full{$nodes}) > 0.9".to_owned()));
    }

    #[test]
    fn a_threshold_without_a_number_is_noted() {
        let (rules, notes) = rules_of(json!({"Hot": {"metric": "temperature"}}));
        assert!(rules.is_empty());
        assert!(notes[0].to_string().contains("the threshold `Hot` needs either an `expression`"));
    }
}
