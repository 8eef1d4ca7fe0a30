//! What two plans differ in, for people: like differences folded, as in the text of a plan.

use std::collections::BTreeMap;
use std::fmt;

use super::{Elsewhere, FieldChange, OneSided, PlanDiff};
use crate::id::LayerId;
use crate::plan::Goal;
use crate::plan::render::{fold_names, replace_word, wrap};
use crate::step::Hazard;

impl fmt::Display for PlanDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |side: &super::Side| format!("plan {} for {}", side.plan.short(), side.site);
        let (before, after) = (of(&self.before), of(&self.after));
        if self.is_empty() {
            return f.write_str(&wrap("", &format!("No difference: {before} and {after} do the same."), 2));
        }
        let counts = format!(
            "From {before} to {after}: {} only in the first, {} only in the second, {} differ, {} alike.",
            steps(self.only_before.len()),
            self.only_after.len(),
            self.changed.len(),
            self.alike
        );
        f.write_str(&wrap("", &counts, 2))?;
        if let Some((before, after)) = self.goal {
            let words = |goal| if goal == Goal::Ready { "ready state" } else { "everything" };
            writeln!(f, "\ngoal: {} → {}", words(before), words(after))?;
        }
        f.write_str(&one_sided("only in the first plan", &self.only_before))?;
        f.write_str(&one_sided("only in the second plan", &self.only_after))?;
        f.write_str(&self.changed())?;
        f.write_str(&self.boots())?;
        f.write_str(&self.things())?;
        f.write_str(&self.known())?;
        let deferred = [("first", &self.deferred_only_before), ("second", &self.deferred_only_after)];
        for (which, texts) in deferred.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            writeln!(f, "\ndeferred only in the {which} plan")?;
            texts.iter().try_for_each(|text| f.write_str(&wrap("  ", text, 4)))?;
        }
        Ok(())
    }
}

fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

/// Names under a head, each group with what is told of it.
type Groups = BTreeMap<(String, Vec<String>), Vec<String>>;

/// Where every name differs in a way of its own (each has its own port), one example stands for all.
fn merge(groups: &Groups) -> Groups {
    const SHOWN: usize = 4;
    let paths = |told: &[String]| -> Vec<String> {
        told.iter().map(|line| line.split(": ").next().unwrap_or(line).to_owned()).collect()
    };
    let mut alike: BTreeMap<(&str, Vec<String>), Groups> = BTreeMap::new();
    for (group, names) in groups {
        let (head, told) = group;
        alike.entry((head, paths(told))).or_default().insert(group.clone(), names.clone());
    }
    let mut merged = Groups::new();
    for groups in alike.into_values() {
        if groups.len() <= SHOWN {
            merged.extend(groups);
            continue;
        }
        let names = groups.values().flatten().cloned().collect();
        let first = groups.into_iter().next().expect("there are more than a few groups");
        let ((head, told), of) = first;
        let example = format!("for example {}:", of.first().map_or("", String::as_str));
        merged.insert((head, std::iter::once(example).chain(told).collect()), names);
    }
    merged
}

/// One line for each group, its names folded, what is told of it below.
fn lines(groups: &Groups) -> String {
    let groups = &merge(groups);
    let heads: Vec<String> = groups.iter().map(|((head, _), names)| format!("{head} × {}", names.len())).collect();
    let width = heads.iter().map(|head| head.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for (((_, told), names), head) in groups.iter().zip(&heads) {
        let names = fold_names(names.iter().map(String::as_str)).join(" ");
        out.push_str(&wrap(&format!("  {head:width$}  "), &names, width + 4));
        told.iter().for_each(|line| out.push_str(&wrap("      ", line, 8)));
    }
    out
}

fn verb(operation: &str) -> &str {
    operation.split_once('.').map_or(operation, |(_, verb)| verb)
}

fn head(layer: LayerId, operation: &str) -> String {
    format!("{} {layer}  {}", layer.number(), verb(operation))
}

fn one_sided(title: &str, steps: &[OneSided]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let mut groups = Groups::new();
    for one in steps {
        let mark = match one.hazard {
            Hazard::None => "",
            Hazard::Disrupts => "  [disrupts]",
            Hazard::Erases => "  [ERASES]",
        };
        let told = match one.elsewhere {
            Elsewhere::Holds => "all is as wanted in the other",
            Elsewhere::NotAsked => "not asked for in the other",
        };
        let key = (format!("{}{mark}", head(one.layer, &one.operation)), vec![told.to_owned()]);
        groups.entry(key).or_default().push(one.subject.name().to_owned());
    }
    format!("\n{title}\n{}", lines(&groups))
}

/// The changes without the name of what they are in, so that like ones fold.
fn general(fields: &[FieldChange], name: &str) -> Vec<String> {
    let own = name.split('/').filter(|part| !part.is_empty());
    let general = |text: String| own.clone().fold(text, |text, part| replace_word(&text, part, "<name>"));
    fields.iter().map(|field| general(field.to_string())).collect()
}

/// A thing that is not there in one of the two has one change without a path.
fn one_sided_thing(fields: &[FieldChange], how: &str) -> Option<Vec<String>> {
    let [FieldChange { path, before, after }] = fields else { return None };
    let side = match (path.is_empty(), before, after) {
        (true, None, _) => "second",
        (true, _, None) => "first",
        _ => return None,
    };
    Some(vec![format!("{how} in the {side}")])
}

impl PlanDiff {
    fn changed(&self) -> String {
        if self.changed.is_empty() {
            return String::new();
        }
        let mut groups = Groups::new();
        for change in &self.changed {
            let key = (head(change.layer, &change.operation), general(&change.fields, change.subject.name()));
            groups.entry(key).or_default().push(change.subject.name().to_owned());
        }
        // What stands for one step only is told with its own names.
        let by_name: BTreeMap<(String, String), &super::StepChange> = self
            .changed
            .iter()
            .map(|change| ((head(change.layer, &change.operation), change.subject.name().to_owned()), change))
            .collect();
        let single = |((head, told), names): ((String, Vec<String>), Vec<String>)| match &names[..] {
            [only] => {
                let own = by_name.get(&(head.clone(), only.clone())).map(|change| &change.fields);
                let told = own.map_or(told, |fields| fields.iter().map(ToString::to_string).collect());
                ((head, told), names)
            }
            _ => ((head, told), names),
        };
        format!("\ndiffer\n{}", lines(&groups.into_iter().map(single).collect()))
    }

    fn boots(&self) -> String {
        if self.boots.is_empty() {
            return String::new();
        }
        let mut groups = Groups::new();
        for boot in &self.boots {
            let head = match (boot.before, boot.after) {
                (Some(to), None) => format!("- boot {} into {to}", boot.ordinal),
                (None, Some(to)) => format!("+ boot {} into {to}", boot.ordinal),
                _ => format!("boot {}", boot.ordinal),
            };
            let told = general(&boot.fields, boot.node.as_str());
            groups.entry((head, told)).or_default().push(boot.node.to_string());
        }
        format!("\nboots\n{}", lines(&groups))
    }

    fn things(&self) -> String {
        if self.site.is_empty() {
            return String::new();
        }
        let mut groups = Groups::new();
        for thing in &self.site {
            let told = one_sided_thing(&thing.fields, "only").unwrap_or_else(|| general(&thing.fields, &thing.name));
            groups.entry((thing.kind.to_owned(), told)).or_default().push(thing.name.clone());
        }
        format!("\nthe site\n{}", lines(&groups))
    }

    /// Facts by what they tell, so that one that is known of every node is one line.
    fn known(&self) -> String {
        if self.known.is_empty() {
            return String::new();
        }
        let mut groups = Groups::new();
        for change in &self.known {
            let name = change.fact.subject().name();
            let told = one_sided_thing(&change.fields, "known only").unwrap_or_else(|| general(&change.fields, name));
            groups.entry((change.fact.name().to_owned(), told)).or_default().push(name.to_owned());
        }
        format!("\nknown before\n{}", lines(&groups))
    }
}
