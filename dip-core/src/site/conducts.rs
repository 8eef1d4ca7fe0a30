//! Resolves how work at the site is conducted: times that run forwards, locks and nodes that can be meant.

use std::collections::BTreeMap;

use serde_json::{Map as Object, Value};

use super::check::Checker;
use super::clusters::{members, policy};
use super::report::Raw;
use super::section::parse;
use super::shape::Parsed;
use super::tree::{Entry, Tree};
use super::{Approvals, Ceilings, Conduct, Freeze, Limit, NodeState, Rollout, Site, Weekday, Window, parsed};
use crate::id::{NodeName, Symbol};

/// The section `conduct` of a site whose nodes are known. Its shape is checked with the keys at the top.
pub(crate) fn read(root: &Tree, checker: &mut Checker<'_, '_>, site: &Site) -> Conduct {
    let Some(tree) = root.at("conduct") else { return Conduct::new() };
    let ceilings = tree.at("ceilings");
    let ceiling = |key: &str| ceilings.and_then(|ceilings| parse(ceilings, key));
    Conduct {
        limits: limits(tree, checker),
        windows: named(tree, "windows", checker, window).into_values().collect(),
        freezes: named(tree, "freezes", checker, freeze).into_values().collect(),
        ceilings: Ceilings {
            removals: ceiling("removals"),
            erasures: ceiling("erasures"),
            reboots: ceiling("reboots"),
        },
        approvals: approvals(tree),
        rollouts: named(tree, "rollouts", checker, |name, entry, checker| rollout(name, entry, checker, site)),
    }
}

fn approvals(tree: &Tree) -> Approvals {
    let Some(tree) = tree.at("approvals") else { return Approvals::default() };
    Approvals {
        required: parse(tree, "required").unwrap_or_default(),
        separate: tree.at("separate").is_some_and(|separate| separate.text() == Some("true")),
    }
}

/// The things of a part, each by its name; one whose name is none is told.
fn named<'s, T>(
    tree: &Tree,
    part: &str,
    checker: &mut Checker<'_, 's>,
    read: impl Fn(Symbol, &Entry, &mut Checker<'_, 's>) -> Option<T>,
) -> BTreeMap<Symbol, T> {
    let mut things = BTreeMap::new();
    for (key, entry) in tree.entries(part) {
        match parsed::read(key, Parsed::Name, std::path::Path::new("")) {
            Ok(name) => {
                let name = Symbol::from(name);
                things.extend(read(name.clone(), entry, checker).map(|thing| (name, thing)));
            }
            Err(why) => checker.report.tell("name", entry.key, || Raw::at(entry.key, why)),
        }
    }
    things
}

fn limits(tree: &Tree, checker: &mut Checker<'_, '_>) -> BTreeMap<Symbol, Limit> {
    let mut limits = BTreeMap::new();
    for (key, entry) in tree.entries("limits") {
        let name = key.strip_suffix("/*").unwrap_or(key);
        if name.is_empty() || name.contains('*') || name.contains(char::is_whitespace) {
            checker.report.tell("lock", entry.key, || {
                Raw::at(entry.key, format!("`{key}` is not a lock"))
                    .advice("name one, `zone/lab.example`, or all that begin alike, `bmc/*`")
            });
            continue;
        }
        let lock = Symbol::from(key);
        let origin = Some(entry.key.origin(checker.report.sources()));
        if let (Some(capacity), Some(reason)) = (parse(&entry.value, "capacity"), reason(entry, checker)) {
            limits.insert(lock.clone(), Limit { lock, capacity, reason, origin });
        }
    }
    limits
}

/// Why it is so; a reason that says nothing is told.
fn reason(entry: &Entry, checker: &mut Checker<'_, '_>) -> Option<String> {
    let tree = entry.value.at("reason")?;
    let reason = tree.text()?;
    if reason.trim().is_empty() {
        checker.report.tell("reason", tree.mark, || {
            Raw::at(tree.mark, "the reason is empty").advice("write it for the person who will have to wait")
        });
        return None;
    }
    Some(reason.to_owned())
}

fn window(name: Symbol, entry: &Entry, checker: &mut Checker<'_, '_>) -> Option<Window> {
    let tree = &entry.value;
    let days = match tree.entry("days") {
        None => Weekday::ALL.to_vec(),
        Some(days) => {
            let is = |day: &Weekday| days.value.list().iter().any(|item| item.text() == Some(day.as_str()));
            if days.value.list().is_empty() && days.value.text().is_none() && days.value.map().is_none() {
                checker.report.tell("days", days.key, || {
                    Raw::at(days.key, format!("the window `{name}` opens on no day"))
                        .advice("name its days, `[mon, tue]`, or leave `days` out for every day")
                });
            }
            Weekday::ALL.into_iter().filter(is).collect()
        }
    };
    let time = |key: &str| parsed::time_of_day(tree.at(key)?.text()?).ok();
    let (from, until, zone) = (time("from")?, time("until")?, parse(tree, "zone")?);
    Some(Window { name, days, from, until, zone, origin: Some(entry.key.origin(checker.report.sources())) })
}

fn freeze(name: Symbol, entry: &Entry, checker: &mut Checker<'_, '_>) -> Option<Freeze> {
    let moment = |key: &str| {
        let tree = entry.value.at(key)?;
        Some((parsed::moment(tree.text()?).ok()?, tree.mark))
    };
    let reason = reason(entry, checker);
    let ((from, _), (until, mark)) = (moment("from")?, moment("until")?);
    if until <= from {
        checker.report.tell("backwards", mark, || {
            Raw::at(mark, format!("the freeze `{name}` ends before it begins"))
                .advice("write the earlier moment as `from`")
        });
        return None;
    }
    let origin = Some(entry.key.origin(checker.report.sources()));
    Some(Freeze { name, from, until, reason: reason?, origin })
}

fn rollout(name: Symbol, entry: &Entry, checker: &mut Checker<'_, '_>, site: &Site) -> Option<Rollout> {
    let tree = &entry.value;
    let nodes = match (tree.at("nodes"), tree.at("profile")) {
        (Some(nodes), None) => members(nodes, None, checker, site),
        (None, Some(profile)) => with_profile(profile.text()?, site),
        _ => {
            checker.report.tell("whom", entry.key, || {
                Raw::at(entry.key, format!("the rollout `{name}` has either `nodes` or `profile`"))
                    .advice("list nodes, `nodes: [\"r1-n{1..40}\"]`, or name the profile that they all have")
            });
            return None;
        }
    };
    // Where a name is unknown, that is what to tell.
    if nodes.is_empty() && checker.report.is_empty() {
        checker.report.tell("empty", entry.key, || Raw::at(entry.key, format!("the rollout `{name}` has no nodes")));
    }
    let policy = policy(Some(pace(tree)), Some(tree), checker);
    Some(Rollout { name, nodes, policy, origin: Some(entry.key.origin(checker.report.sources())) })
}

/// The nodes that have a profile, directly or by another one.
fn with_profile(profile: &str, site: &Site) -> Vec<NodeName> {
    let has = |node: &&super::Node| node.profiles.iter().any(|name| name.as_str() == profile);
    let here = site.nodes.values().filter(|node| node.state != NodeState::Absent);
    here.filter(has).map(|node| node.name.clone()).collect()
}

/// The keys of a policy that stand beside others. What is wrong with one the check has told.
fn pace(tree: &Tree) -> Value {
    let mut policy = Object::new();
    for key in ["max_unavailable", "canary", "wave"] {
        policy.extend(parse::<u16>(tree, key).map(|number| (key.to_owned(), number.into())));
    }
    for key in ["pause", "spread"] {
        policy.extend(parse::<String>(tree, key).map(|word| (key.to_owned(), word.into())));
    }
    let labels = tree.entries("alerts").filter_map(|(name, entry)| Some((name.to_owned(), entry.value.text()?.into())));
    let labels: Object<String, Value> = labels.collect();
    if !labels.is_empty() {
        policy.insert("alerts".to_owned(), labels.into());
    }
    Value::Object(policy)
}
