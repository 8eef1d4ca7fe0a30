//! What a node needs to be brought up at all: power from two sides, and a BMC.

use std::collections::BTreeMap;

use super::{Finding, Rule};
use crate::explain::thing::count;
use crate::id::PduName;
use crate::site::{Node, NodeState, Site};

pub(super) fn lint(site: &Site, findings: &mut Vec<Finding>) {
    let mut one_pdu: BTreeMap<&PduName, Vec<&Node>> = BTreeMap::new();
    for node in site.nodes.values().filter(|node| node.state != NodeState::Absent) {
        if let [first, rest @ ..] = &node.outlets[..]
            && !rest.is_empty()
            && rest.iter().all(|outlet| outlet.pdu == first.pdu)
        {
            one_pdu.entry(&first.pdu).or_default().push(node);
        }
    }
    for (pdu, nodes) in one_pdu {
        let sentence = format!("all outlets of {} are of PDU `{pdu}`", count(nodes.len(), "node"));
        let advice = "move one outlet of each to another PDU";
        findings.push(Finding::of_nodes(Rule::FeedsOnOnePdu, &nodes, sentence, advice));
    }
    let without: Vec<&Node> = site.ready_nodes().filter(|node| node.bmc.is_none()).collect();
    if !without.is_empty() {
        let sentence = format!(
            "{} no BMC, so nobody but a person can switch {} on",
            if without.len() == 1 { "1 node has".to_owned() } else { format!("{} nodes have", without.len()) },
            if without.len() == 1 { "it" } else { "them" },
        );
        let advice = "add `bmc`, or allow it where these are no machines of their own";
        findings.push(Finding::of_nodes(Rule::NoBmc, &without, sentence, advice));
    }
}
