//! Clusters: what one failure takes from them, and policies that do not fit their size.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Rule};
use crate::explain::Thing;
use crate::explain::loss::Failed;
use crate::explain::quorum::majority;
use crate::explain::thing::{count, fold};
use crate::id::NodeName;
use crate::site::{Cluster, Node, NodeState, Site};

pub(super) fn lint(site: &Site, findings: &mut Vec<Finding>) {
    for cluster in site.clusters.values() {
        let members: BTreeSet<&NodeName> = cluster.members.values().flatten().collect();
        let members: Vec<&Node> = members.into_iter().filter_map(|name| site.nodes.get(name)).collect();
        one_failure(site, cluster, &members, findings);
        policy(cluster, members.len(), findings);
        not_ready(cluster, &members, findings);
        single_feeds(cluster, &members, findings);
    }
}

/// What a quorum hangs on, with all members at work: that some are not is told apart. A cluster of one member is always in one
/// rack, and is no cluster.
fn one_failure(site: &Site, cluster: &Cluster, members: &[&Node], findings: &mut Vec<Finding>) {
    if members.len() < 2 {
        return;
    }
    let needed = majority(members.len());
    for (thing, around) in surroundings(site, members) {
        let failed = Failed::with(site, &thing);
        let away: Vec<&Node> = around.into_iter().filter(|node| failed.loss(node).is_away()).collect();
        if members.len() - away.len() >= needed {
            continue;
        }
        let (rule, how) = match thing {
            Thing::Rack(_) => (Rule::QuorumInOneRack, "go with rack"),
            Thing::Pdu(_) => (Rule::QuorumOnOnePdu, "are fed by nothing but PDU"),
            _ => (Rule::QuorumOnOneSwitch, "reach their network only through switch"),
        };
        let sentence = format!(
            "{} of {} of cluster `{}` {how} `{}`, and without them it has no quorum ({} needed)",
            away.len(),
            count(members.len(), "member"),
            cluster.name,
            thing.name(),
            needed
        );
        let advice = match thing {
            Thing::Rack(_) => "put members into other racks, so that less than half of them stand in one",
            Thing::Pdu(_) => "give them a second outlet on another PDU",
            _ => "cable a second interface of theirs to another switch",
        };
        findings.push(Finding::new(rule, sentence, advice, [cluster.origin.as_ref()]).naming(&away));
    }
}

/// The racks, PDUs and switches of members, each with the members that it may take with it.
fn surroundings<'a>(site: &Site, members: &[&'a Node]) -> BTreeMap<Thing, Vec<&'a Node>> {
    let mut around: BTreeMap<Thing, Vec<&Node>> = BTreeMap::new();
    for node in members {
        let mut things: BTreeSet<Thing> = node.rack.iter().cloned().map(Thing::Rack).collect();
        for outlet in &node.outlets {
            things.insert(Thing::Pdu(outlet.pdu.clone()));
            let rack = site.pdus.get(&outlet.pdu).and_then(|pdu| pdu.rack.clone());
            things.extend(rack.map(Thing::Rack));
        }
        for link in node.nics.values().filter_map(|nic| nic.link.as_ref()) {
            things.insert(Thing::Switch(link.switch.clone()));
            let rack = site.switches.get(&link.switch).and_then(|switch| switch.rack.clone());
            things.extend(rack.map(Thing::Rack));
        }
        things.into_iter().for_each(|thing| around.entry(thing).or_default().push(node));
    }
    around
}

fn policy(cluster: &Cluster, members: usize, findings: &mut Vec<Finding>) {
    let needed = majority(members);
    let spare = members.saturating_sub(needed);
    if let Some(allowed) = cluster.policy.max_unavailable.map(usize::from).filter(|allowed| *allowed > spare) {
        let sentence = format!(
            "cluster `{}` may have {allowed} of its {} away at once, and needs {needed} for its quorum",
            cluster.name,
            count(members, "member"),
        );
        let advice = format!("set `max_unavailable: {spare}`, or add members");
        findings.push(Finding::new(Rule::MaxUnavailableBreaksQuorum, sentence, advice, [cluster.origin.as_ref()]));
    }
    if members >= 2 && members.is_multiple_of(2) {
        let sentence = format!(
            "cluster `{}` has {members} members and stands the loss of {spare}, as it would with {}",
            cluster.name,
            members - 1,
        );
        let advice = format!("take one member away, or add one: {} stand the loss of {}", members + 1, spare + 1);
        findings.push(Finding::new(Rule::EvenMembers, sentence, advice, [cluster.origin.as_ref()]));
    }
}

fn not_ready(cluster: &Cluster, members: &[&Node], findings: &mut Vec<Finding>) {
    let away: Vec<&Node> = members.iter().copied().filter(|node| node.state != NodeState::Ready).collect();
    if !away.is_empty() {
        let left = members.len() - away.len();
        let sentence = format!(
            "{} of cluster `{}` {} not wanted at ready state: {left} of {} left, {} needed for its quorum",
            count(away.len(), "member"),
            cluster.name,
            if away.len() == 1 { "is" } else { "are" },
            members.len(),
            majority(members.len()),
        );
        let advice = "bring them back to `state: ready`, or take them out of the cluster";
        findings.push(Finding::of_nodes(Rule::MemberNotReady, &away, sentence, advice));
    }
}

fn single_feeds(cluster: &Cluster, members: &[&Node], findings: &mut Vec<Finding>) {
    let fed_once: Vec<&Node> = members.iter().copied().filter(|node| node.outlets.len() == 1).collect();
    if !fed_once.is_empty() {
        let pdus: BTreeSet<&str> = fed_once.iter().map(|node| node.outlets[0].pdu.as_str()).collect();
        let sentence = format!(
            "{} of cluster `{}` on one outlet each, of {}",
            count(fed_once.len(), "member"),
            cluster.name,
            fold(pdus),
        );
        let advice = "add an outlet of another PDU to `outlets` of each";
        findings.push(Finding::of_nodes(Rule::SingleFeed, &fed_once, sentence, advice));
    }
}
