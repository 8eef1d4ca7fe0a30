//! What stands in the site file and nothing uses: a rest of former times, or a name that was meant to be used.

use std::collections::BTreeSet;

use super::{Finding, Rule};
use crate::explain::uses::{Uses, address_in, addresses_of, networks_of};
use crate::layer::Layers;
use crate::site::{Network, Origin, Site};

pub(super) fn lint(site: &Site, layers: &Layers, findings: &mut Vec<Finding>) {
    let mut tell = |rule, sentence: String, advice: &str, origin: Option<&Origin>| {
        findings.push(Finding::new(rule, sentence, advice, [origin]));
    };
    let profiles: BTreeSet<_> = site.nodes.values().flat_map(|node| &node.profiles).collect();
    for profile in site.profiles.values().filter(|profile| !profiles.contains(&profile.name)) {
        let words = format!("no node has the profile `{}`", profile.name);
        tell(Rule::UnusedProfile, words, "give it to nodes, or take it out", profile.origin.as_ref());
    }
    for network in site.networks.values().filter(|network| !is_used(site, layers, network)) {
        let words = format!("nothing is in network `{}`: no interface, no BMC, no service", network.name);
        tell(
            Rule::UnusedNetwork,
            words,
            "name it at the interfaces that are in it, or take it out",
            network.origin.as_ref(),
        );
    }
    let uses = Uses::of(site, layers);
    // Where a layer could not tell what it would do, nobody can say what is not used.
    if uses.gaps.is_empty() {
        for service in site.services.values().filter(|service| !uses.of.contains_key(&service.name)) {
            let words = format!("nothing uses the service `{}` of kind `{}`", service.name, service.driver.kind);
            let advice = "name it in the settings of nodes or profiles, or take it out";
            tell(Rule::UnusedService, words, advice, service.driver.origin.as_ref());
        }
    }
    let links: BTreeSet<_> =
        site.nodes.values().flat_map(|node| node.nics.values()).filter_map(|nic| nic.link.as_ref()).collect();
    let switches: BTreeSet<_> = links.into_iter().map(|link| &link.switch).collect();
    for switch in site.switches.values().filter(|switch| !switches.contains(&switch.name)) {
        let words = format!("no interface is cabled to switch `{}`", switch.name);
        tell(
            Rule::UnusedSwitch,
            words,
            "write the cables down as `link` of interfaces, or take it out",
            switch.origin.as_ref(),
        );
    }
    let pdus: BTreeSet<_> = site.nodes.values().flat_map(|node| &node.outlets).map(|outlet| &outlet.pdu).collect();
    for pdu in site.pdus.values().filter(|pdu| !pdus.contains(&pdu.name)) {
        let words = format!("no node is fed by PDU `{}`", pdu.name);
        tell(Rule::UnusedPdu, words, "write the feeds down as `outlets` of nodes, or take it out", pdu.origin.as_ref());
    }
    let stands = site.nodes.values().filter_map(|node| node.rack.as_ref());
    let stands = stands.chain(site.switches.values().filter_map(|switch| switch.rack.as_ref()));
    let racks: BTreeSet<_> = stands.chain(site.pdus.values().filter_map(|pdu| pdu.rack.as_ref())).collect();
    for rack in site.racks.values().filter(|rack| !racks.contains(&rack.name)) {
        let words = format!("nothing stands in rack `{}`", rack.name);
        tell(Rule::UnusedRack, words, "say of nodes that they stand in it, or take it out", rack.origin.as_ref());
    }
}

fn is_used(site: &Site, layers: &Layers, network: &Network) -> bool {
    let inside = |address| network.prefixes.iter().any(|prefix| prefix.prefix.contains(address));
    let in_it = |node: &crate::site::Node| {
        node.nics.values().any(|nic| nic.network.as_ref() == Some(&network.name))
            || node.bmc.as_ref().and_then(|bmc| address_in(&bmc.address)).is_some_and(inside)
    };
    let schema = layers.settings();
    site.nodes.values().any(in_it)
        || site.services.values().any(|service| {
            networks_of(service, &schema).contains(&network.name.as_str())
                || addresses_of(service).into_iter().any(inside)
        })
}
