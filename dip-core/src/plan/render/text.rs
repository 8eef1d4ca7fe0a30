//! A plan for people: by layer, like steps folded, each with what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::fold_names;
use crate::id::LayerId;
use crate::plan::{Plan, Reading};
use crate::step::Hazard;

/// The plan as text. It names every step once: steps of one operation that differ in the same way share a line.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let held = plan.held().len();
    if plan.is_empty() {
        let _ = writeln!(out, "Nothing to do: all {held} checks hold at {}.", plan.site().name);
        return out;
    }
    let unknown = plan.steps().len() - plan.differing();
    let _ = writeln!(
        out,
        "Plan {} for {}: {} to change, {unknown} to look at when they can be seen, {held} already as wanted.",
        plan.id().short(),
        plan.site().name,
        plan.differing(),
    );
    for (layer, groups) in by_layer(plan) {
        let _ = writeln!(out, "\n{} {layer}", layer.number());
        for ((operation, how, hazard), subjects) in groups {
            let mark = match hazard {
                Hazard::None => "",
                Hazard::Disrupts => "  [disrupts]",
                Hazard::Erases => "  [ERASES]",
            };
            let names = fold_names(subjects.iter().map(String::as_str)).join(" ");
            let _ = writeln!(out, "  {operation} × {}{mark}  {names}", subjects.len());
            let _ = writeln!(out, "      {how}");
        }
    }
    boots(plan, &mut out);
    out
}

type Groups = BTreeMap<(String, String, Hazard), Vec<String>>;

fn by_layer(plan: &Plan) -> BTreeMap<LayerId, Groups> {
    let mut layers: BTreeMap<LayerId, Groups> = BTreeMap::new();
    for planned in plan.steps() {
        let step = &planned.step;
        let verb = step.call.operation().split_once('.').map_or(step.call.operation(), |(_, verb)| verb);
        let how = match &planned.reading {
            Reading::Differs(diff) => generalise(&diff.to_string(), step.subject.name()),
            Reading::Unknown(gap) => generalise(&gap.to_string(), step.subject.name()),
        };
        let key = (verb.to_owned(), how, step.hazard);
        layers.entry(step.layer).or_default().entry(key).or_default().push(step.subject.name().to_owned());
    }
    layers.into_iter().map(|(layer, groups)| (layer, merge(groups))).collect()
}

/// What differs, with the subject's own name taken out, so that like steps share a line.
fn generalise(how: &str, subject: &str) -> String {
    let parts = subject.split('/').filter(|part| part.contains(|c: char| c.is_ascii_digit()));
    parts.fold(how.to_owned(), |how, part| how.replace(part, "{}"))
}

/// Where every subject differs in a way of its own (each has its own address), one example stands for all.
fn merge(groups: Groups) -> Groups {
    let mut count: BTreeMap<(String, Hazard), usize> = BTreeMap::new();
    for (verb, _, hazard) in groups.keys() {
        *count.entry((verb.clone(), *hazard)).or_default() += 1;
    }
    let mut merged = Groups::new();
    let mut examples: BTreeMap<(String, Hazard), String> = BTreeMap::new();
    for ((verb, how, hazard), subjects) in groups {
        let many = count[&(verb.clone(), hazard)] > 4;
        let how = if many {
            examples.entry((verb.clone(), hazard)).or_insert_with(|| format!("for example {how}")).clone()
        } else {
            how
        };
        merged.entry((verb, how, hazard)).or_default().extend(subjects);
    }
    merged
}

fn boots(plan: &Plan, out: &mut String) {
    let mut boots: BTreeMap<(u16, String), Vec<&str>> = BTreeMap::new();
    for boot in plan.boots() {
        boots.entry((boot.boot.ordinal, boot.boot.to.to_string())).or_default().push(boot.boot.node.as_str());
    }
    if boots.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nboots: {} in all", plan.boots().len());
    for ((ordinal, to), nodes) in boots {
        let _ = writeln!(out, "  boot {ordinal} into {to} × {}  {}", nodes.len(), fold_names(nodes).join(" "));
    }
}
