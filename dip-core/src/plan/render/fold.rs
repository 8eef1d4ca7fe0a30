//! Many like names as few: `r1-n01, r1-n02, r2-n01, r2-n02` as `r{1..2}-n{01..02}`.

use std::collections::BTreeMap;

/// Folds names that differ in one number only, and what comes of it again, the last number first. The names are sorted; what
/// does not fold stays as it is. A shell that knows braces gives all of the names back.
#[must_use]
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<Vec<Part<'a>>> = names.into_iter().map(split).collect();
    let deepest = names.iter().map(|name| numbers(name).count()).max().unwrap_or_default();
    for position in 0..deepest {
        names = fold_at(names, position);
    }
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| name.iter().map(Part::text).collect()).collect()
}

/// A part of a name. Numbers and runs of them sort as people count: `n9` before `n10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Text(&'a str),
    Number { value: u64, first: &'a str, last: &'a str },
}

impl<'a> Part<'a> {
    /// A number of its own or the first of a run.
    fn number(&self) -> Option<(u64, &'a str)> {
        match self {
            Self::Text(_) => None,
            Self::Number { value, first, .. } => Some((*value, first)),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Number { first, last, .. } if first == last => (*first).to_owned(),
            Self::Number { first, last, .. } => format!("{{{first}..{last}}}"),
        }
    }
}

fn split(name: &str) -> Vec<Part<'_>> {
    name.as_bytes()
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        .scan(0, |at, chunk| {
            let text = &name[*at..*at + chunk.len()];
            *at += chunk.len();
            Some(match text.parse() {
                Ok(value) => Part::Number { value, first: text, last: text },
                Err(_) => Part::Text(text),
            })
        })
        .collect()
}

/// Where the numbers and runs of a name are, the last one first.
fn numbers(name: &[Part<'_>]) -> impl Iterator<Item = usize> {
    let is_number = |index: &usize| !matches!(name[*index], Part::Text(_));
    (0..name.len()).rev().filter(is_number)
}

/// A name without one of its numbers, and where that was.
type Frame<'a> = (Vec<Part<'a>>, usize);

/// Folds the names that differ only in the number that has `position` numbers behind it.
fn fold_at(names: Vec<Vec<Part<'_>>>, position: usize) -> Vec<Vec<Part<'_>>> {
    let mut folded = Vec::new();
    let mut alike: BTreeMap<Frame<'_>, Vec<(u64, &str)>> = BTreeMap::new();
    for name in names {
        let index = numbers(&name).nth(position);
        let number = index.and_then(|index| Some((index, name[index].number()?)));
        let Some((index, number)) = number else {
            folded.push(name);
            continue;
        };
        let mut frame = name;
        frame[index] = Part::Text("");
        alike.entry((frame, index)).or_default().push(number);
    }
    for ((frame, index), mut numbers) in alike {
        numbers.sort_unstable();
        numbers.dedup();
        folded.extend(numbers.chunk_by(|a, b| follows(*a, *b)).map(|run| {
            let mut name = frame.clone();
            let ((value, first), (_, last)) = (run[0], run[run.len() - 1]);
            name[index] = Part::Number { value, first, last };
            name
        }));
    }
    folded
}

/// `n9`, `n10` go on, and so do `n09`, `n10`; `n09`, `n010` do not.
fn follows((value, digits): (u64, &str), (next, next_digits): (u64, &str)) -> bool {
    value.checked_add(1) == Some(next)
        && (digits.len() == next_digits.len() || !(digits.starts_with('0') || next_digits.starts_with('0')))
}

#[cfg(test)]
mod tests {
    use super::fold_names;

    #[test]
    fn runs_of_like_names_fold_and_others_stay() {
        let folded = fold_names(["sw1", "r1-n10", "r1-n8", "r1-n9", "db", "r1-n12"]);
        assert_eq!(folded, ["db", "r1-n{8..10}", "r1-n12", "sw1"]);
    }

    #[test]
    fn the_number_that_runs_need_not_be_the_last() {
        let names = ["r1-n01/eth0", "r1-n02/eth0", "r1-n03/eth0", "r2-n01/eth0", "r2-n02/eth0"];
        assert_eq!(fold_names(names), ["r1-n{01..03}/eth0", "r2-n{01..02}/eth0"]);
    }

    #[test]
    fn racks_that_are_equally_full_are_one() {
        let names: Vec<String> = (1..=4).flat_map(|r| (1..=25).map(move |n| format!("sw{r}/p{n}"))).collect();
        assert_eq!(fold_names(names.iter().map(String::as_str)), ["sw{1..4}/p{1..25}"]);
    }

    #[test]
    fn padding_is_kept() {
        assert_eq!(fold_names(["n09/nic", "n10/nic"]), ["n{09..10}/nic"]);
        assert_eq!(fold_names(["n09", "n010"]), ["n09", "n010"]);
    }

    #[test]
    fn any_text_is_a_name() {
        let long = "n99999999999999999999999";
        assert_eq!(fold_names([long, "", "ñ1", "ñ2", "0"]), ["", long, "ñ{1..2}", "0"]);
    }
}
