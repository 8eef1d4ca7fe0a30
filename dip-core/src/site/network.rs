//! Resolves networks: prefixes that do not overlap, with routers and ranges inside them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::check::{Checker, Place};
use super::report::{Raw, Report};
use super::root::Root;
use super::section::{parse, section};
use super::source::Mark;
use super::tree::Tree;
use super::{AddressRange, Network, Prefix, parsed};
use crate::hardware::VlanId;
use crate::id::{NetworkName, RackName, ServiceName};

/// A network with the places of its prefixes and ranges.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) network: Network,
    /// Where the ranges of each prefix stand.
    pub(crate) ranges: Vec<Vec<Mark>>,
}

impl Placed {
    /// The prefixes that a node in this rack can use.
    pub(crate) fn usable(&self, rack: Option<&RackName>) -> impl Iterator<Item = (usize, &Prefix)> {
        let here =
            move |prefix: &Prefix| prefix.racks.is_empty() || rack.is_some_and(|rack| prefix.racks.contains(rack));
        self.network.prefixes.iter().enumerate().filter(move |(_, prefix)| here(prefix))
    }
}

/// The networks of a site.
pub(crate) fn networks(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> BTreeMap<NetworkName, Placed> {
    let mut networks = BTreeMap::new();
    let mut vlans: BTreeMap<VlanId, NetworkName> = BTreeMap::new();
    for (name, key, entry) in section::<NetworkName>(root, "networks", checker.report) {
        let tree = &entry.value;
        checker.object(tree, &shape.network, Place { key, mark: entry.key });
        let mut prefixes = Vec::new();
        let mut ranges = Vec::new();
        let mut marks = Vec::new();
        for item in tree.items("prefixes") {
            if let Some((prefix, mark, of_ranges)) = prefix(item, checker.report) {
                prefixes.push(prefix);
                marks.push(mark);
                ranges.push(of_ranges);
            }
        }
        overlaps(&prefixes, &marks, checker.report);
        let vlan = parse::<u16>(tree, "vlan").and_then(|number| VlanId::try_from(number).ok());
        if let Some(other) = vlan.and_then(|vlan| vlans.insert(vlan, name.clone())) {
            let mark = tree.at("vlan").map_or(entry.key, |vlan| vlan.mark);
            checker.report.warn(
                Raw::at(mark, format!("the networks `{other}` and `{name}` have the same VLAN"))
                    .label("that is right only where they are two names for one wire"),
            );
        }
        let origin = Some(entry.key.origin(checker.report.sources()));
        let network = Network {
            name: name.clone(),
            vlan,
            domain: parse(tree, "domain"),
            prefixes,
            via: parse(tree, "via"),
            origin,
        };
        networks.insert(name, Placed { network, ranges });
    }
    networks
}

fn prefix(item: &Tree, report: &mut Report<'_>) -> Option<(Prefix, Mark, Vec<Mark>)> {
    let place = item.at("prefix")?;
    let prefix = parsed::prefix(place.text()?).ok()?;
    let racks = item.items("racks").iter().filter_map(|rack| RackName::new(rack.text()?).ok()).collect();
    let router = item.at("router").and_then(|tree| Some((tree.mark, parsed::address(tree.text()?).ok()?)));
    if let Some((mark, router)) = router {
        inside(router, prefix, "router", mark, report);
    }
    let mut ranges = Vec::new();
    let mut marks = Vec::new();
    for tree in item.items("ranges") {
        let Some(range) = tree.text().and_then(|text| parsed::range(text).ok()) else { continue };
        if inside(range.first, prefix, "range", tree.mark, report)
            && inside(range.last, prefix, "range", tree.mark, report)
        {
            ranges.push(range);
            marks.push(tree.mark);
        }
    }
    overlapping_ranges(&ranges, &marks, report);
    let from = item.at("from").and_then(|tree| Some((tree.mark, ServiceName::new(tree.text()?).ok()?)));
    if let (Some((mark, _)), None) = (&from, item.at("ranges")) {
        // Whoever keeps the addresses knows which of all of them are free.
        ranges.push(AddressRange { first: prefix.network(), last: prefix.broadcast() });
        marks.push(*mark);
    }
    let (router, from) = (router.map(|(_, router)| router), from.map(|(_, from)| from));
    Some((Prefix { prefix, racks, router, ranges, from }, place.mark, marks))
}

fn inside(address: IpAddr, prefix: IpNetwork, what: &'static str, mark: Mark, report: &mut Report<'_>) -> bool {
    let inside = prefix.contains(address);
    if !inside {
        report.tell(what, mark, || {
            Raw::at(mark, format!("the {what} lies outside its prefix: {address} is not in {prefix}"))
        });
    }
    inside
}

fn overlaps(prefixes: &[Prefix], marks: &[Mark], report: &mut Report<'_>) {
    let mut order: Vec<usize> = (0..prefixes.len()).collect();
    // The wider of two that start alike comes first, so that one look back is enough.
    order.sort_by_key(|index| (prefixes[*index].prefix.network(), prefixes[*index].prefix.prefix(), *index));
    let mut widest: Option<usize> = None;
    for index in order {
        let prefix = prefixes[index].prefix;
        match widest {
            Some(other) if prefixes[other].prefix.contains(prefix.network()) => {
                let (first, second) = (other.min(index), other.max(index));
                let line = marks[first].line;
                report.tell("overlap", marks[second], || {
                    let (a, b) = (prefixes[second].prefix, prefixes[first].prefix);
                    Raw::at(marks[second], format!("the prefix {a} overlaps {b} of the same network"))
                        .label(format!("{b} stands in line {line}"))
                        .advice("one prefix that several racks use is written once, with all its racks")
                });
            }
            _ => widest = Some(index),
        }
    }
}

fn overlapping_ranges(ranges: &[AddressRange], marks: &[Mark], report: &mut Report<'_>) {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by_key(|index| (ranges[*index].first, ranges[*index].last));
    for pair in order.windows(2) {
        let &[before, after] = pair else { continue };
        if ranges[after].first <= ranges[before].last {
            let mark = marks[after];
            report.tell("overlap", mark, || {
                Raw::at(mark, format!("the range overlaps {}-{}", ranges[before].first, ranges[before].last))
            });
        }
    }
}
