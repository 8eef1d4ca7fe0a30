//! Resolves a tree into a site: every name means something, and nothing contradicts itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::check::{Checker, Names, Place, Whole};
use super::fault::nearest;
use super::manifest::Manifest;
use super::network::networks;
use super::nodes::Nodes;
use super::profiles::Profiles;
use super::report::{Raw, Report};
use super::root::{Root, SECTIONS, VALUES};
use super::section::{driver, parse, section};
use super::shape::{Field, Presence, SettingsSchema, Variant};
use super::source::Mark;
use super::tree::{Data, Entry, Tree};
use super::{Cabling, Driver, Lock, Pdu, Rack, Service, Site, Switch, address, clusters, conducts, expand, ports};
use crate::id::{SiteName, SwitchName};
use crate::identity::Rule;

/// The site that a tree describes, and the addresses as they are to be locked. Where the report holds faults
/// afterwards, the site is not to be used.
pub(crate) fn resolve(
    root: &Tree,
    settings: &SettingsSchema,
    lock: &Lock,
    manifest: &mut Manifest,
    report: &mut Report<'_>,
) -> Option<(Site, Lock)> {
    let names = names(root);
    let shape = Root::new(settings);
    let mut checker = Checker { report, names: &names, whole: Whole::Yes };
    top(root, &shape, &mut checker);

    let mut site = Site::new(SiteName::new("unnamed").expect("that is a name"));
    site.rules = rules(root, checker.report);
    let name = parse(root, "site");
    site.domain = root.at("domain").and_then(Tree::text).map(str::to_owned);
    site.racks = racks(root, &shape, &mut checker);
    site.switches = switches(root, &shape, &mut checker);
    site.pdus = pdus(root, &shape, &mut checker);
    site.services = services(root, &shape, &mut checker);
    let networks = networks(root, &shape, &mut checker);
    let profiles = Profiles::read(root, &shape, &mut checker);
    site.profiles = profiles.all();
    site.nodes =
        Nodes::new(&site, &networks, profiles, manifest, &lock.profiles).read(root, &shape, settings, &mut checker);
    site.machines = lock
        .machines
        .iter()
        .filter(|(node, _)| site.nodes.contains_key(*node))
        .map(|(node, machine)| (node.clone(), machine.clone()))
        .collect();
    for replacement in &lock.replaced {
        site.nodes.get_mut(&replacement.node).into_iter().for_each(|node| replacement.apply(node));
    }
    site.ports = ports::read(root, &site, &networks, checker.report);
    let clusters = clusters::read(root, &shape, &mut checker, &site);
    site.clusters = clusters;
    site.conduct = conducts::read(root, &mut checker, &site);
    let chosen = address::choose(&mut site.nodes, &networks, lock, checker.report);
    site.networks = networks.into_iter().map(|(name, placed)| (name, placed.network)).collect();
    let mut lock = Lock { addresses: chosen.addresses, ..lock.clone() };
    // Who has addresses of these is kept by the service that is asked for the next one.
    let kept_elsewhere = |address: &IpAddr| {
        let mut prefixes = site.networks.values().flat_map(|network| &network.prefixes);
        prefixes.any(|prefix| prefix.from.is_some() && prefix.prefix.contains(*address))
    };
    lock.held.retain(|address, _| !kept_elsewhere(address));
    site.name = name?;
    Some((site, lock))
}

/// The names that the site has.
fn names(root: &Tree) -> Names {
    SECTIONS
        .iter()
        .map(|(key, noun, _)| (*noun, root.entries(key).map(|(name, _)| name.to_owned()).collect()))
        .collect()
}

/// The keys at the top.
fn top(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) {
    let known = || {
        let top = shape.top.iter().map(|field| field.name).chain([VALUES.0]);
        top.chain(SECTIONS.iter().map(|(key, ..)| *key))
    };
    let place = Place { key: "the site file", mark: root.mark };
    for (key, entry) in root.map().into_iter().flatten() {
        if let Some(field) = shape.top.iter().find(|field| field.name == key) {
            checker.value(&entry.value, &field.shape, Place { key, mark: entry.key });
        } else if !known().any(|known| known == key) {
            checker.report.tell("unknown key", entry.key, || {
                let raw = Raw::at(entry.key, format!("unknown key `{key}` at the top of the site file"));
                match nearest(key, known()) {
                    Some(near) => raw.label(format!("did you mean `{near}`?")),
                    None => raw.advice(format!("known are {}", super::check::list_of(known()))),
                }
            });
        } else if !matches!(entry.value.data, Data::Map(_) | Data::Null) {
            let mark = entry.value.mark;
            let what = entry.value.what();
            checker.report.tell("type", mark, || Raw::at(mark, format!("`{key}` must be a map, and this is {what}")));
        }
    }
    let required = shape.top.iter().filter(|field| field.presence == Presence::Required);
    let missing: Vec<&Field> = required.filter(|field| root.at(field.name).is_none()).collect();
    for field in missing {
        checker.report.tell(field.name, root.mark, || {
            Raw::at(Mark::start(root.mark.source), format!("{} needs the key `{}`", place.key, field.name))
                .advice(format!("`{}`: {}", field.name, field.doc))
        });
    }
}

/// The rules by which machines get profiles; what is wrong with them the check has told.
fn rules(root: &Tree, report: &Report<'_>) -> Vec<Rule> {
    let rule = |tree: &Tree| {
        Some(Rule {
            profile: parse(tree, "profile")?,
            manufacturer: parse(tree, "manufacturer"),
            model: parse(tree, "model"),
            cores: parse(tree, "cores"),
            memory_gib: parse(tree, "memory_gib"),
            disks: parse(tree, "disks"),
            origin: Some(tree.mark.origin(report.sources())),
        })
    };
    root.items("classify").iter().filter_map(rule).collect()
}

fn racks(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> BTreeMap<crate::id::RackName, Rack> {
    let mut racks = BTreeMap::new();
    for (name, key, entry) in section::<crate::id::RackName>(root, "racks", checker.report) {
        checker.object(&entry.value, &shape.rack, Place { key, mark: entry.key });
        let origin = Some(entry.key.origin(checker.report.sources()));
        let row = parse(&entry.value, "row");
        racks.insert(name.clone(), Rack { name, row, origin });
    }
    racks
}

fn switches(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> BTreeMap<crate::id::SwitchName, Switch> {
    let mut switches = BTreeMap::new();
    let mut marks = BTreeMap::new();
    for (name, key, entry) in section::<crate::id::SwitchName>(root, "switches", checker.report) {
        let driver = managed(entry, key, &shape.switch, checker);
        let ports = expand::names(entry.value.items("ports"), checker.report);
        let ports = ports.into_iter().map(|(port, _)| port).collect();
        let origin = Some(entry.key.origin(checker.report.sources()));
        let peer = parse(&entry.value, "peer");
        if peer.as_ref() == Some(&name)
            && let Some(tree) = entry.value.at("peer")
        {
            checker.report.tell("peer", tree.mark, || Raw::at(tree.mark, format!("`{name}` is no pair with itself")));
        }
        let cabling = match entry.value.at("cabling").and_then(Tree::text) {
            Some("lldp") => Cabling::Lldp,
            _ => Cabling::Unchecked,
        };
        let rack = parse(&entry.value, "rack");
        marks.insert(name.clone(), entry.value.at("peer").map_or(entry.key, |tree| tree.mark));
        switches.insert(name.clone(), Switch { name, rack, ports, peer, cabling, driver, origin });
    }
    pair(&mut switches, &marks, checker.report);
    switches
}

/// What one switch says of its pair holds for both, and no switch is in two.
fn pair(switches: &mut BTreeMap<SwitchName, Switch>, marks: &BTreeMap<SwitchName, Mark>, report: &mut Report<'_>) {
    let said: Vec<_> =
        switches.values().filter_map(|switch| Some((switch.name.clone(), switch.peer.clone()?))).collect();
    for (name, peer) in said {
        let Some(other) = switches.get_mut(&peer) else { continue };
        let known = other.peer.get_or_insert_with(|| name.clone());
        if *known != name
            && let Some(mark) = marks.get(&name)
        {
            report.tell("peer", *mark, || {
                Raw::at(
                    *mark,
                    format!("`{peer}` is a pair with `{known}`, and `{name}` says that it is one with itself"),
                )
                .advice("a switch is in one MLAG pair; look which of the two is mistyped")
            });
        }
    }
}

fn pdus(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> BTreeMap<crate::id::PduName, Pdu> {
    let mut pdus = BTreeMap::new();
    for (name, key, entry) in section::<crate::id::PduName>(root, "pdus", checker.report) {
        let driver = managed(entry, key, &shape.pdu, checker);
        let origin = Some(entry.key.origin(checker.report.sources()));
        // Where it cannot be read that is told already, and no outlet shall be told because of it.
        let outlets = parse(&entry.value, "outlets").unwrap_or(u16::MAX);
        pdus.insert(name.clone(), Pdu { name, rack: parse(&entry.value, "rack"), outlets, driver, origin });
    }
    pdus
}

fn services(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> BTreeMap<crate::id::ServiceName, Service> {
    let mut services = BTreeMap::new();
    for (name, key, entry) in section::<crate::id::ServiceName>(root, "services", checker.report) {
        let object = checker.tagged(&entry.value, &shape.services, Place { key, mark: entry.key });
        if let Some(driver) = object.and_then(|object| driver(object, &[], entry.key, checker.report)) {
            services.insert(name.clone(), Service { name, driver });
        }
    }
    services
}

/// A thing that is managed where it has a `kind`.
fn managed(
    entry: &Entry,
    key: &str,
    (common, kinds): &(Vec<Field>, Vec<Variant>),
    checker: &mut Checker<'_, '_>,
) -> Option<Driver> {
    let place = Place { key, mark: entry.key };
    if entry.value.at("kind").is_some() {
        let object = checker.tagged(&entry.value, kinds, place)?;
        driver(object, common, entry.key, checker.report)
    } else {
        // Keys of a kind without the key `kind`: that is what is missing, not that they are unknown.
        let foreign = |key: &&String| !common.iter().any(|field| field.name == **key);
        let of_a_kind = |key: &&String| kinds.iter().flat_map(|kind| &kind.fields).any(|field| field.name == **key);
        let stray = entry.value.map().into_iter().flat_map(|map| map.keys()).filter(foreign).find(of_a_kind);
        if let Some(stray) = stray {
            let known = super::check::list_of(kinds.iter().map(|kind| kind.kind));
            checker.report.tell("missing", entry.key, || {
                Raw::at(entry.key, format!("`{key}` has the key `{stray}` and not the key `kind`"))
                    .advice(format!("the kinds are {known}; without one it is known and never touched"))
            });
        } else {
            checker.object(&entry.value, common, place);
        }
        None
    }
}
