//! Many like names as few: `r1-n01, r1-n02, r1-n03` as `r1-n{01..03}`.

/// Folds runs of names that differ only in their last number. The names are sorted; what does not fold stays as it is.
#[must_use]
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<Parts<'a>> = names.into_iter().map(split).collect();
    names.sort_unstable();
    names.dedup();
    let mut folded = Vec::new();
    let mut index = 0;
    while let Some(first) = names.get(index) {
        let run = (1..).take_while(|&offset| names.get(index + offset).is_some_and(|next| follows(first, next, offset)));
        let last = &names[index + run.count()];
        folded.push(if last == first {
            format!("{}{}{}", first.head, first.digits, first.tail)
        } else {
            format!("{}{{{}..{}}}{}", first.head, first.digits, last.digits, first.tail)
        });
        index += names[index..].iter().position(|name| name == last).expect("the last of a run is a name") + 1;
    }
    folded
}

/// A name taken apart at its last number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parts<'a> {
    head: &'a str,
    number: u64,
    digits: &'a str,
    tail: &'a str,
}

fn follows(first: &Parts<'_>, next: &Parts<'_>, offset: usize) -> bool {
    let number = first.number + offset as u64;
    let width = first.digits.len();
    (next.head, next.tail) == (first.head, first.tail)
        && !first.digits.is_empty()
        && next.number == number
        // `n9`, `n10` go on, and so do `n09`, `n10`; `n09`, `n010` do not.
        && (next.digits.len() == width || (!first.digits.starts_with('0') && !next.digits.starts_with('0')))
}

fn split(name: &str) -> Parts<'_> {
    let whole = Parts { head: name, number: 0, digits: "", tail: "" };
    let Some(end) = name.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1) else {
        return whole;
    };
    let start = name[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let digits = &name[start..end];
    digits.parse().map_or(whole, |number| Parts { head: &name[..start], number, digits, tail: &name[end..] })
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
    fn padding_is_kept() {
        assert_eq!(fold_names(["n09/nic", "n10/nic"]), ["n{09..10}/nic"]);
    }
}
