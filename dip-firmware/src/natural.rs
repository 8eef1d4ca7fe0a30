//! Texts with numbers in them, in the order that people give them: slot 2 before slot 10, version 2.9 before 2.10.

use std::cmp::Ordering;

/// A part of a text: whatever is neither letter nor digit stands between two of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run<'a> {
    Number(&'a str),
    Word(&'a str),
}

/// A total order of slots: numbers by their size, before words; texts that only differ in what stands between are told apart.
pub(crate) fn compare_slots(one: &str, other: &str) -> Ordering {
    let by_runs = runs(one).zip(runs(other)).map(|(one, other)| match (one, other) {
        (Run::Number(one), Run::Number(other)) => compare_numbers(one, other),
        (Run::Word(one), Run::Word(other)) => one.cmp(other),
        (Run::Number(_), Run::Word(_)) => Ordering::Less,
        (Run::Word(_), Run::Number(_)) => Ordering::Greater,
    });
    let first = by_runs.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
    first.then_with(|| runs(one).count().cmp(&runs(other).count())).then_with(|| one.cmp(other))
}

/// Which of two versions of one vendor is the newer; `None` where their writing does not tell: `U30 v2.1` and `P89 v2.7` are of
/// two families, and nobody knows whether `2.1rc` is older than `2.1`.
pub(crate) fn compare_versions(one: &str, other: &str) -> Option<Ordering> {
    let (mut ones, mut others) = (runs(one), runs(other));
    let mut is_first = true;
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Some(Ordering::Equal),
            (Some(more), None) => return is_a_step(more).then_some(Ordering::Greater),
            (None, Some(more)) => return is_a_step(more).then_some(Ordering::Less),
            (Some(Run::Number(one)), Some(Run::Number(other))) => compare_numbers(one, other),
            (Some(Run::Word(one)), Some(Run::Word(other))) if one.eq_ignore_ascii_case(other) => Ordering::Equal,
            // `2.1a` and `2.1b` are steps; what a version begins with is a family, and whole words are names.
            (Some(one @ Run::Word(word)), Some(other @ Run::Word(next)))
                if !is_first && is_a_step(one) && is_a_step(other) =>
            {
                word.to_ascii_lowercase().cmp(&next.to_ascii_lowercase())
            }
            _ => return None,
        };
        if order.is_ne() {
            return Some(order);
        }
        is_first = false;
    }
}

/// Whether a further part makes a version newer: a number or a single letter does, `rc` and `beta` do not.
fn is_a_step(run: Run<'_>) -> bool {
    match run {
        Run::Number(_) => true,
        Run::Word(word) => word.chars().count() == 1,
    }
}

/// By length first, so that no number is too large.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let is_number = first.is_ascii_digit();
        let is_other = |c: char| !c.is_alphanumeric() || c.is_ascii_digit() != is_number;
        let (run, after) = rest.split_at(rest.find(is_other).unwrap_or(rest.len()));
        rest = after;
        Some(if is_number { Run::Number(run) } else { Run::Word(run) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_by_their_size_and_not_by_their_digits() {
        let mut slots = ["0:1:10", "0:1:2", "Bay 3", "0:1:02", "Bay 12"];
        slots.sort_by(|one, other| compare_slots(one, other));
        assert_eq!(slots, ["0:1:02", "0:1:2", "0:1:10", "Bay 3", "Bay 12"]);
    }

    #[test]
    fn the_newer_of_two_versions_is_known_where_their_writing_tells_it() {
        for (older, newer) in [
            ("2.9", "2.10"),
            ("1.2.3", "1.2.3.1"),
            ("A07", "A11"),
            ("2.1a", "2.1b"),
            ("U32 v2.10 (05/21/2019)", "U32 v2.36 (07/16/2020)"),
            ("7.00.00.00", "7.10.30.00"),
        ] {
            assert_eq!(compare_versions(older, newer), Some(Ordering::Less), "{older} and {newer}");
            assert_eq!(compare_versions(newer, older), Some(Ordering::Greater), "{newer} and {older}");
        }
        assert_eq!(compare_versions("v2.10", "V2.010"), Some(Ordering::Equal));
        for (one, other) in [("U30 v2.1", "P v2.7"), ("2.1", "2.1rc"), ("2.x", "2.1")] {
            assert_eq!(compare_versions(one, other), None, "{one} and {other}");
        }
    }

    proptest! {
        #[test]
        fn slots_have_one_order(a in "[0-9a-b:.]{0,6}", b in "[0-9a-b:.]{0,6}", c in "[0-9a-b:.]{0,6}") {
            prop_assert_eq!(compare_slots(&a, &b), compare_slots(&b, &a).reverse());
            prop_assert_eq!(compare_slots(&a, &b).is_eq(), a == b);
            if compare_slots(&a, &b).is_le() && compare_slots(&b, &c).is_le() {
                prop_assert!(compare_slots(&a, &c).is_le());
            }
        }
    }
}
