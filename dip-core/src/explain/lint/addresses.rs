//! Networks: BMCs that nobody reaches, prefixes that overlap, ranges that run out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::{Finding, Rule};
use crate::explain::thing::count;
use crate::explain::uses::address_in;
use crate::id::NetworkName;
use crate::site::{AddressRange, Network, Node, Prefix, Site};

pub(super) fn lint(site: &Site, findings: &mut Vec<Finding>) {
    bmcs(site, findings);
    overlaps(site, findings);
    ranges(site, findings);
}

fn bmcs(site: &Site, findings: &mut Vec<Finding>) {
    let mut outside: Vec<&Node> = Vec::new();
    let mut inside: BTreeMap<&NetworkName, Vec<&Node>> = BTreeMap::new();
    for node in site.ready_nodes() {
        // A name is looked up where dip runs: which network it leads to cannot be read here.
        let Some(address) = node.bmc.as_ref().and_then(|bmc| address_in(&bmc.address)) else { continue };
        let home = site.networks.values().find(|network| prefix_of(network, address).is_some());
        match home {
            Some(network) => inside.entry(&network.name).or_default().push(node),
            None => outside.push(node),
        }
    }
    if !outside.is_empty() {
        let sentence =
            format!("the BMCs of {} have addresses in no network of this site", count(outside.len(), "node"));
        let advice = "add the network of the BMCs, with its `router` or with `via`, or correct the addresses";
        findings.push(Finding::of_nodes(Rule::BmcInNoNetwork, &outside, sentence, advice));
    }
    let routed = |prefix: &Prefix| prefix.router.is_some();
    let others = site.networks.values().any(|network| network.via.is_some() || network.prefixes.iter().any(routed));
    for (name, nodes) in inside.into_iter().filter(|_| others) {
        let Some(network) = site.networks.get(name).filter(|network| network.via.is_none()) else { continue };
        let lost = |node: &&Node| {
            let address = node.bmc.as_ref().and_then(|bmc| address_in(&bmc.address));
            address.and_then(|address| prefix_of(network, address)).is_some_and(|prefix| prefix.router.is_none())
        };
        let nodes: Vec<&Node> = nodes.into_iter().filter(lost).collect();
        if nodes.is_empty() {
            continue;
        }
        let sentence = format!(
            "the BMCs of {} are in network `{name}`, which has no router there and no `via`, while other networks have",
            count(nodes.len(), "node"),
        );
        let advice = "add the `router` of the prefix, or `via` with the node or host that leads there";
        let finding = Finding::new(Rule::BmcNetworkWithoutRoute, sentence, advice, [network.origin.as_ref()]);
        findings.push(finding.naming(&nodes));
    }
}

fn prefix_of(network: &Network, address: IpAddr) -> Option<&Prefix> {
    network.prefixes.iter().find(|prefix| prefix.prefix.contains(address))
}

/// Prefixes nest or are apart, so that in the order of their first addresses the ones around each are a stack.
fn overlaps(site: &Site, findings: &mut Vec<Finding>) {
    let mut prefixes: Vec<(IpNetwork, &Network)> = site
        .networks
        .values()
        .flat_map(|network| network.prefixes.iter().map(move |prefix| (prefix.prefix, network)))
        .collect();
    prefixes.sort_by_key(|(prefix, network)| (prefix.network(), prefix.prefix(), &network.name));
    let mut around: Vec<(IpNetwork, &Network)> = Vec::new();
    for (prefix, network) in prefixes {
        while around.last().is_some_and(|(outer, _)| !outer.contains(prefix.network())) {
            around.pop();
        }
        if let Some((outer, other)) = around.iter().rev().find(|(_, other)| other.name != network.name) {
            let sentence = format!(
                "{prefix} of network `{}` overlaps {outer} of network `{}`: an address there may be one of either",
                network.name, other.name
            );
            let advice = "give one of them another prefix, or allow it where the two never meet";
            let origins = [network.origin.as_ref(), other.origin.as_ref()];
            findings.push(Finding::new(Rule::OverlappingPrefixes, sentence, advice, origins));
        }
        around.push((prefix, network));
    }
}

/// Nine of ten addresses taken.
fn is_nearly_full(taken: u128, all: u128) -> bool {
    taken.saturating_mul(10) >= all.saturating_mul(9)
}

fn ranges(site: &Site, findings: &mut Vec<Finding>) {
    let mut taken: HashMap<(&NetworkName, IpNetwork), Vec<IpAddr>> = HashMap::new();
    for nic in site.nodes.values().flat_map(|node| node.nics.values()) {
        for address in &nic.addresses {
            if let Some(network) = &nic.network {
                taken.entry((network, address.prefix)).or_default().push(address.address);
            }
        }
    }
    for network in site.networks.values() {
        for prefix in network.prefixes.iter().filter(|prefix| !prefix.ranges.is_empty()) {
            let within =
                |address: &&IpAddr| prefix.ranges.iter().any(|range| (range.first..=range.last).contains(*address));
            let of_nodes = taken.get(&(&network.name, prefix.prefix)).into_iter().flatten();
            let used = of_nodes.chain(prefix.router.iter()).filter(within).count() as u128;
            let all = prefix.ranges.iter().fold(0_u128, |sum, range| sum.saturating_add(size(range)));
            if is_nearly_full(used, all) {
                let left = all.saturating_sub(used);
                let sentence = format!(
                    "{used} of the {all} addresses in the ranges of {} in network `{}` are taken, and {left} {} left",
                    prefix.prefix,
                    network.name,
                    if left == 1 { "is" } else { "are" },
                );
                let advice = "add a range, or a prefix, before the next nodes come";
                findings.push(Finding::new(Rule::RangeNearlyExhausted, sentence, advice, [network.origin.as_ref()]));
            }
        }
    }
}

fn size(range: &AddressRange) -> u128 {
    match (range.first, range.last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => u128::from(u32::from(last).saturating_sub(u32::from(first))) + 1,
        (IpAddr::V6(first), IpAddr::V6(last)) => u128::from(last).saturating_sub(u128::from(first)).saturating_add(1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_all_addresses_is_counted_without_overflow() {
        let range = |first: &str, last: &str| AddressRange {
            first: first.parse().expect("an address"),
            last: last.parse().expect("an address"),
        };
        assert_eq!(size(&range("10.0.0.10", "10.0.0.19")), 10);
        assert_eq!(size(&range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), u128::MAX);
        assert!(is_nearly_full(9, 10) && !is_nearly_full(8, 10) && !is_nearly_full(0, u128::MAX));
    }
}
