//! Resolves clusters: members that exist, stand once in a role, and are spread as the policy wants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::{Checker, Place};
use super::report::Raw;
use super::root::Root;
use super::section::{driver, section};
use super::shape::Noun;
use super::tree::{Entry, Tree};
use super::{Cluster, ClusterPolicy, Node, Pause, Site, Spread, expand};
use crate::id::{ClusterName, NodeName, RoleName};

/// The clusters of a site.
pub(crate) fn read(
    root: &Tree,
    shape: &Root,
    checker: &mut Checker<'_, '_>,
    site: &Site,
) -> BTreeMap<ClusterName, Cluster> {
    let mut clusters = BTreeMap::new();
    for (name, key, entry) in section::<ClusterName>(root, "clusters", checker.report) {
        let mut object =
            checker.object(&entry.value, &shape.cluster, Place { key, mark: entry.key }).unwrap_or_default();
        let policy = policy(object.remove("policy"), entry.value.at("policy"), checker);
        let mut members = BTreeMap::new();
        let roles = entry.value.entries("members");
        for (role, list) in roles {
            match RoleName::new(role) {
                Ok(role) => {
                    let nodes = self::members(&list.value, policy.spread, checker, site);
                    members.insert(role, nodes);
                }
                Err(error) => checker.report.tell("name", list.key, || Raw::at(list.key, error.to_string())),
            }
        }
        if members.values().all(Vec::is_empty) && checker.report.is_empty() {
            checker.report.tell("empty", entry.key, || {
                Raw::at(entry.key, format!("the cluster `{key}` has no members"))
                    .advice("name nodes by their role: `members: {member: [n1, n2, n3]}`")
            });
        }
        let origin = Some(entry.key.origin(checker.report.sources()));
        if let Some(workload) = workload(object.remove("workload"), entry, checker) {
            clusters.insert(name.clone(), Cluster { name, workload, members, policy, origin });
        }
    }
    clusters
}

/// What must hold while members are changed, from checked data and the tree that it comes from.
pub(crate) fn policy(value: Option<Value>, tree: Option<&Tree>, checker: &mut Checker<'_, '_>) -> ClusterPolicy {
    let policy: ClusterPolicy = value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    if let (Pause::AfterCanary, None, Some(tree)) = (policy.pause, policy.canary, tree)
        && let Some(mark) = tree.at("pause").filter(|_| tree.at("canary").is_none()).map(|pause| pause.mark)
    {
        checker.report.tell("pause", mark, || {
            Raw::at(mark, "`pause: after_canary` waits for first members that are not there")
                .advice("say how many go first with `canary`, or pause at `each_wave`")
        });
    }
    policy
}

fn workload(value: Option<Value>, entry: &Entry, checker: &Checker<'_, '_>) -> Option<super::Driver> {
    let Value::Object(object) = value? else { return None };
    let mark = entry.value.entry("workload")?.key;
    driver(object, &[], mark, checker.report)
}

/// The nodes of a list, each once, and no two of them in one failure domain where they must be spread.
pub(crate) fn members(
    list: &Tree,
    spread: Option<Spread>,
    checker: &mut Checker<'_, '_>,
    site: &Site,
) -> Vec<NodeName> {
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    let mut domains: BTreeMap<String, String> = BTreeMap::new();
    for (name, item) in expand::names(list.list(), checker.report) {
        if !checker.known(Noun::Node, &name, item.mark) {
            continue;
        }
        if !seen.insert(name.clone()) {
            checker.report.tell("twice", item.mark, || {
                Raw::at(item.mark, format!("the node `{name}` stands twice in this list")).advice("name it once")
            });
            continue;
        }
        let Ok(member) = NodeName::new(&name) else { continue };
        if let (Some(spread), Some(node)) = (spread, site.nodes.get(&member)) {
            for domain in domains_of(node, spread) {
                if let Some(other) = domains.insert(domain.clone(), name.clone()) {
                    checker.report.tell("spread", item.mark, || {
                        Raw::at(item.mark, format!("the members `{other}` and `{name}` share the {domain}"))
                            .advice("choose nodes elsewhere, or take `spread` out of the policy")
                    });
                }
            }
        }
        members.push(member);
    }
    members
}

/// What fails together with a node.
pub(crate) fn domains_of(node: &Node, spread: Spread) -> BTreeSet<String> {
    match spread {
        Spread::Rack => node.rack.iter().map(|rack| format!("rack `{rack}`")).collect(),
        Spread::Pdu => node.outlets.iter().map(|outlet| format!("PDU `{}`", outlet.pdu)).collect(),
        Spread::Switch => {
            let links = node.nics.values().filter_map(|nic| nic.link.as_ref());
            links.map(|link| format!("switch `{}`", link.switch)).collect()
        }
    }
}
