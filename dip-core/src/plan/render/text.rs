//! A plan for people: by layer, like steps folded, each with what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::fold_names;
use super::wrap::wrap;
use crate::id::{LayerId, NodeName};
use crate::layer::Deferred;
use crate::operation::Gap;
use crate::plan::{BootCount, Plan, PlannedStep, Reading};
use crate::step::{Hazard, Reversal};

/// The plan as text of up to 80 columns. It names every step once: steps of one operation that differ in the same way share a
/// line, with `<node>` for the name of each.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let held = plan.held().len();
    let site = &plan.site().name;
    if plan.is_empty() {
        let mut out = match plan.deferred().len() {
            0 => format!("Nothing to do: all {held} checks hold at {site}.\n"),
            _ => wrap("", &format!("Nothing to do now: all {held} checks hold at {site}. More is deferred."), 2),
        };
        remembered(plan, &mut out);
        deferred(plan, &mut out);
        return out;
    }
    let differing = plan.differing();
    let is_foreign = |planned: &&PlannedStep| matches!(planned.reading, Reading::Unknown(Gap::Foreign(_)));
    let foreign = plan.steps().iter().filter(is_foreign).count();
    let unknown = plan.steps().len() - differing - foreign;
    let steps = if differing == 1 { "step" } else { "steps" };
    let theirs = if foreign > 0 { format!("{foreign} foreign, ") } else { String::new() };
    let counts = format!(
        "{differing} {steps} to change, {unknown} to look at when they can be seen, {theirs}{held} already as wanted."
    );
    let mut out = wrap("", &format!("Plan {} for {site}: {counts}", plan.id().short()), 2);
    for (layer, groups) in by_layer(plan) {
        let _ = writeln!(out, "\n{} {layer}", layer.number());
        out.push_str(&lines(&groups));
    }
    theirs_in_full(plan, &mut out);
    boots(plan, &mut out);
    remembered(plan, &mut out);
    deferred(plan, &mut out);
    out
}

/// All that somebody else holds, each with its place in the site file: none of it may hide behind an example.
fn theirs_in_full(plan: &Plan, out: &mut String) {
    let mut is_first = true;
    for planned in plan.steps() {
        let Reading::Unknown(Gap::Foreign(why)) = &planned.reading else { continue };
        if is_first {
            out.push_str("\nHeld by somebody else, and left alone:\n");
            is_first = false;
        }
        let place = planned.step.origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default();
        out.push_str(&wrap("  ", &format!("{place}{}: {why}", planned.step.name), 4));
    }
}

/// Steps of one operation that differ in the same way.
#[derive(Debug)]
struct Group {
    operation: String,
    hazard: Hazard,
    how: String,
    subjects: Vec<String>,
}

/// Steps by operation, hazard and what differs in general.
type Alike<'a> = BTreeMap<(String, Hazard, String), Vec<&'a PlannedStep>>;

fn by_layer(plan: &Plan) -> BTreeMap<LayerId, Vec<Group>> {
    let mut layers: BTreeMap<LayerId, Alike<'_>> = BTreeMap::new();
    for planned in plan.steps() {
        let step = &planned.step;
        let verb = step.call.operation().split_once('.').map_or(step.call.operation(), |(_, verb)| verb);
        let key = (verb.to_owned(), step.hazard, general(plan, planned));
        layers.entry(step.layer).or_default().entry(key).or_default().push(planned);
    }
    layers
        .into_iter()
        .map(|(layer, groups)| {
            let groups = groups.into_iter().map(|((operation, hazard, general), steps)| Group {
                operation,
                hazard,
                // A single step is told as it is.
                how: if let [only] = steps[..] { how(only) } else { general },
                subjects: steps.iter().map(|planned| planned.step.subject.name().to_owned()).collect(),
            });
            (layer, merge(groups.collect()))
        })
        .collect()
}

fn how(planned: &PlannedStep) -> String {
    let reading = match &planned.reading {
        Reading::Differs(diff) => diff.to_string(),
        Reading::Unknown(gap) => gap.to_string(),
        Reading::Follows(follows) => follows.to_string(),
    };
    match &planned.step.reversal {
        Reversal::Possible => reading,
        Reversal::Impossible(why) => format!("{reading}; CANNOT BE UNDONE: {why}"),
    }
}

/// What differs, without the name of the step's own node, so that like steps share a line.
fn general(plan: &Plan, planned: &PlannedStep) -> String {
    let is_node = |part: &&str| NodeName::new(part).is_ok_and(|name| plan.site().nodes.contains_key(&name));
    let nodes = planned.step.subject.name().split('/').filter(is_node);
    nodes.fold(how(planned), |how, node| replace_word(&how, node, "<node>"))
}

/// Replaces a name where it stands for itself: `n1` is neither in `n10` nor in `sun1`.
pub(crate) fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_inner = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = &found[word.len()..];
        out.push_str(before);
        let is_part = out.chars().next_back().is_some_and(is_inner) || after.chars().next().is_some_and(is_inner);
        out.push_str(if is_part { word } else { by });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where every subject differs in a way of its own (each has its own address), one example stands for all.
fn merge(groups: Vec<Group>) -> Vec<Group> {
    const SHOWN: usize = 4;
    let mut merged: Vec<Group> = Vec::new();
    for same in groups.chunk_by(|a, b| (&a.operation, a.hazard) == (&b.operation, b.hazard)) {
        let is_many = same.len() > SHOWN;
        for group in same {
            let last = merged
                .last_mut()
                .filter(|last| is_many && last.operation == group.operation && last.hazard == group.hazard);
            match last {
                Some(last) => last.subjects.extend_from_slice(&group.subjects),
                None => merged.push(Group {
                    operation: group.operation.clone(),
                    hazard: group.hazard,
                    how: if is_many { format!("for example {}", group.how) } else { group.how.clone() },
                    subjects: group.subjects.clone(),
                }),
            }
        }
    }
    merged
}

/// One line for each group; those that differ in the same way stand together, above what differs.
fn lines(groups: &[Group]) -> String {
    let heads: Vec<String> = groups.iter().map(head).collect();
    let width = heads.iter().map(|head| head.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    let mut told = Vec::new();
    for group in groups {
        if told.contains(&&group.how) {
            continue;
        }
        told.push(&group.how);
        for (other, head) in groups.iter().zip(&heads).filter(|(other, _)| other.how == group.how) {
            let names = fold_names(other.subjects.iter().map(String::as_str)).join(" ");
            out.push_str(&wrap(&format!("  {head:width$}  "), &names, width + 4));
        }
        out.push_str(&wrap("      ", &group.how, 8));
    }
    out
}

fn head(group: &Group) -> String {
    let mark = match group.hazard {
        Hazard::None => "",
        Hazard::Disrupts => "  [disrupts]",
        Hazard::Erases => "  [ERASES]",
    };
    format!("{} × {}{mark}", group.operation, group.subjects.len())
}

fn boots(plan: &Plan, out: &mut String) {
    let mut boots: BTreeMap<(u16, String), Vec<&str>> = BTreeMap::new();
    for boot in plan.boots() {
        boots.entry((boot.boot.ordinal, boot.boot.to.to_string())).or_default().push(boot.boot.node.as_str());
    }
    if boots.is_empty() {
        return;
    }
    let counts = plan.boot_counts();
    let least: usize = counts.iter().map(|count| count.at_least).sum();
    let _ = writeln!(out, "\nboots: {} in all, at least {least}", plan.boots().len());
    for ((ordinal, to), nodes) in boots {
        let first = format!("  boot {ordinal} into {to} × {}  ", nodes.len());
        out.push_str(&wrap(&first, &fold_names(nodes).join(" "), 6));
    }
    more_boots(&counts, out);
}

/// The nodes that boot more often than they need by themselves, and for whom.
fn more_boots(counts: &[BootCount], out: &mut String) {
    let mut alike: BTreeMap<(usize, &[NodeName]), Vec<&str>> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.boots > count.at_least) {
        let key = (count.boots - count.at_least, &count.waits_for[..]);
        alike.entry(key).or_default().push(count.node.as_str());
    }
    for ((more, waits_for), nodes) in alike {
        let first = format!("  {more} more than needed alone × {}  ", nodes.len());
        out.push_str(&wrap(&first, &fold_names(nodes).join(" "), 6));
        if !waits_for.is_empty() {
            let others = fold_names(waits_for.iter().map(NodeName::as_str)).join(" ");
            out.push_str(&wrap("      waits for ", &format!("{others} in between"), 8));
        }
    }
}

/// What could not be looked at now and was before.
fn remembered(plan: &Plan, out: &mut String) {
    let read = || plan.held().iter().filter_map(|held| held.read);
    let Some(oldest) = read().min() else { return };
    let words = match read().count() {
        1 => "1 check could not be made where its node is now; it held when it was last made,".to_owned(),
        count => format!("{count} checks could not be made where their nodes are now; they held when last made, since"),
    };
    out.push_str(&wrap("", &format!("{words} {}", oldest.strftime("%Y-%m-%d %H:%M UTC")), 2));
}

/// What can be planned only once more is known. Where the same is deferred for many it is told once, with `<name>` for each.
fn deferred(plan: &Plan, out: &mut String) {
    let mut alike: BTreeMap<(String, Vec<&str>), Vec<&Deferred>> = BTreeMap::new();
    for deferred in plan.deferred() {
        let names = deferred.until.iter().map(|fact| fact.subject().name());
        let what = names.fold(deferred.what.clone(), |what, name| replace_word(&what, name, "<name>"));
        let facts = deferred.until.iter().map(|fact| fact.name()).collect();
        alike.entry((what, facts)).or_default().push(deferred);
    }
    if !alike.is_empty() {
        out.push('\n');
    }
    for ((what, facts), same) in alike {
        let line = match same[..] {
            [only] => only.to_string(),
            _ => {
                let each: Vec<String> = facts.iter().map(|fact| format!("{fact} of <name>")).collect();
                let is = if each.len() == 1 { "is" } else { "are" };
                format!("deferred until {} {is} known: {what} × {}", each.join(" and "), same.len())
            }
        };
        let line = match (same.iter().find_map(|deferred| deferred.origin.as_ref()), same.len()) {
            (None, _) => line,
            (Some(origin), 1) => format!("{line} ({origin})"),
            (Some(origin), count) => format!("{line} ({origin} and {} more)", count - 1),
        };
        out.push_str(&wrap("", &line, 2));
        if same.len() > 1 {
            let names = same.iter().filter_map(|deferred| deferred.until.first()).map(|fact| fact.subject().name());
            out.push_str(&wrap("      ", &fold_names(names).join(" "), 6));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::replace_word;

    #[test]
    fn a_name_is_replaced_only_where_it_stands_for_itself() {
        assert_eq!(replace_word("unknown until n1 runs", "n1", "<node>"), "unknown until <node> runs");
        assert_eq!(replace_word("n1.example, n10, sun1, r-n1", "n1", "<node>"), "<node>.example, n10, sun1, r-n1");
    }
}
