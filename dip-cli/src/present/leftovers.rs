//! What is left alone: records of nodes that the site file no longer names, and what is on machines that nobody can ask.

use std::collections::BTreeSet;

use dip::Prepared;
use dip::core::orphan::Leftovers;

/// The orphans in lines for a person; none where there are none.
pub(crate) fn orphans(left: &Leftovers) -> Vec<String> {
    let nodes: BTreeSet<&str> = left.orphans.iter().map(|orphan| orphan.of.as_str()).collect();
    let mut lines = Vec::new();
    if !nodes.is_empty() {
        let (records, is) = (count(left.orphans.len(), "record"), if nodes.len() == 1 { "is" } else { "are" });
        lines.push(format!(
            "Left alone: {records} of {} that {is} no longer in the site file:",
            count(nodes.len(), "node")
        ));
        let width = |text: fn(&dip::core::orphan::Orphan) -> &str| {
            left.orphans.iter().map(|orphan| text(orphan).chars().count()).max().unwrap_or_default()
        };
        let (of, service) = (width(|orphan| &orphan.of), width(|orphan| &orphan.service));
        lines.extend(
            left.orphans
                .iter()
                .map(|orphan| format!("  {:of$}  {:service$}  {}", orphan.of, orphan.service, orphan.what)),
        );
        lines.push("To have them removed, name such a node in the site file again, with `state: absent`.".to_owned());
    }
    lines.extend(left.unlisted.iter().map(|unlisted| {
        format!(
            "Whether service `{}` has records of nodes that the site file no longer names is not known: {}",
            unlisted.service, unlisted.why
        )
    }));
    lines
}

/// What cannot be taken away from machines that should be gone, in lines for a person; none where there is nothing.
pub(crate) fn left_out(seen: &Prepared) -> Vec<String> {
    let mut lines: Vec<String> = seen.left_out().map(|(step, gap)| format!("  {}: {gap}", step.name)).collect();
    if !lines.is_empty() {
        lines.insert(0, "Left out, because nobody can do it on the machine as it is now:".to_owned());
    }
    lines
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
