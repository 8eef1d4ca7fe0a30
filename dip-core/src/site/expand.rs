//! Expands nodes that stand as a range into one node each.

use std::collections::BTreeMap;

use super::expression::substitute;
use super::merge::inherit;
use super::range::{CEILING, Made, Pattern};
use super::report::{Raw, Report};
use super::tree::{Data, Entry, Map, Style, Tree};

/// Replaces ranges among the nodes by what they make. A node that stands by its own name merges over the one that a
/// range makes; one that an overlay removed is not made.
pub(crate) fn expand(root: &mut Tree, report: &mut Report<'_>) {
    let Data::Map(map) = &mut root.data else { return };
    let Some(Entry { value: Tree { data: Data::Map(nodes), .. }, .. }) = map.get_mut("nodes") else { return };
    let mut explicit = Map::new();
    let mut made = Map::new();
    let mut from: BTreeMap<String, String> = BTreeMap::new();
    for (key, entry) in std::mem::take(nodes) {
        if !key.contains(['{', '}']) {
            explicit.insert(key, entry);
            continue;
        }
        if matches!(entry.value.data, Data::Removed) {
            continue;
        }
        let Some(pattern) = pattern(&key, &entry, made.len(), report) else { continue };
        for Made { name, variables } in pattern.names() {
            if let Some(other) = from.get(&name) {
                report.tell("twice made", entry.key, || {
                    Raw::at(entry.key, format!("node `{name}` is made by two ranges, `{other}` and `{key}`"))
                        .advice("let ranges not overlap; an exception for one node is written under its own name")
                });
                continue;
            }
            let value = instantiate(&entry.value, &variables, report);
            from.insert(name.clone(), key.clone());
            made.insert(name, Entry { key: entry.key, value });
        }
    }
    for (name, entry) in explicit {
        match made.get_mut(&name) {
            _ if matches!(entry.value.data, Data::Removed) => {
                made.remove(&name);
            }
            Some(there) => {
                inherit(&mut there.value, &entry.value);
                there.key = entry.key;
            }
            None => {
                made.insert(name, entry);
            }
        }
    }
    *nodes = made;
}

/// All names of a list of patterns, each with the place that it stands in.
pub(crate) fn names<'a>(items: &'a [Tree], report: &mut Report<'_>) -> Vec<(String, &'a Tree)> {
    let mut all = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        match Pattern::parse(text) {
            Ok(pattern) if pattern.count() + all.len() <= CEILING => {
                all.extend(pattern.names().into_iter().map(|made| (made.name, item)));
            }
            Ok(_) => report.tell("too many", item.mark, || {
                Raw::at(item.mark, format!("the list holds more than {CEILING} names")).advice("make the range smaller")
            }),
            Err(why) => report.tell("range", item.mark, || Raw::at(item.mark, why)),
        }
    }
    all
}

fn pattern(key: &str, entry: &Entry, made: usize, report: &mut Report<'_>) -> Option<Pattern> {
    let pattern = match Pattern::parse(key) {
        Ok(pattern) => pattern,
        Err(why) => {
            report.tell("range", entry.key, || Raw::at(entry.key, why));
            return None;
        }
    };
    if let Some(variable) = pattern.shared_variable() {
        report.tell("range", entry.key, || {
            Raw::at(entry.key, format!("two ranges of `{key}` have the name `{variable}`"))
                .advice("give each a name of its own: `r{r:1..4}-n{n:1..8}`")
        });
        return None;
    }
    if pattern.count().saturating_add(made) > CEILING {
        report.tell("range", entry.key, || {
            Raw::at(entry.key, format!("the ranges make more than {CEILING} nodes")).advice("make the range smaller")
        });
        return None;
    }
    Some(pattern)
}

/// The values of a range for one of its nodes.
fn instantiate(tree: &Tree, variables: &[(String, i64)], report: &mut Report<'_>) -> Tree {
    let data = match &tree.data {
        Data::Scalar(text, _) if text.contains(['{', '}']) => match substitute(text, variables) {
            // What comes from a placeholder may be a number where a number is asked.
            Ok(text) => Data::Scalar(text, Style::Plain),
            Err(why) => {
                report.tell("placeholder", tree.mark, || Raw::at(tree.mark, why));
                tree.data.clone()
            }
        },
        Data::List(items) => Data::List(items.iter().map(|item| instantiate(item, variables, report)).collect()),
        Data::Map(map) => {
            let entry = |entry: &Entry, report: &mut Report<'_>| Entry {
                key: entry.key,
                value: instantiate(&entry.value, variables, report),
            };
            Data::Map(map.iter().map(|(key, value)| (key.clone(), entry(value, report))).collect())
        }
        data => data.clone(),
    };
    Tree { mark: tree.mark, profile: tree.profile, data }
}
