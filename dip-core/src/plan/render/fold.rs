//! Many like names as few: `r1-n01, r1-n02, r1-n03` as `r1-n{01..03}`.

/// Folds runs of names that differ in one number only, the last one where there is a choice. The names are sorted; what
/// does not fold stays as it is.
#[must_use]
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut rest: Vec<&str> = names.into_iter().collect();
    let mut folded = Vec::new();
    let mut position = 0;
    while !rest.is_empty() {
        let parts: Vec<Parts<'a>> = rest.iter().map(|name| split(name, position)).collect();
        let none_is_left = parts.iter().all(|part| part.digits.is_empty());
        let (done, left) = runs(parts);
        folded.extend(done);
        if none_is_left {
            folded.extend(left.iter().map(|name| (*name).to_owned()));
            break;
        }
        rest = left;
        position += 1;
    }
    folded.sort_unstable();
    folded
}

/// The runs of two and more names, folded; and the names that are in none.
fn runs<'a>(mut parts: Vec<Parts<'a>>) -> (Vec<String>, Vec<&'a str>) {
    parts.sort_unstable();
    parts.dedup();
    let (mut folded, mut left) = (Vec::new(), Vec::new());
    let mut rest = &parts[..];
    while let Some((first, others)) = rest.split_first() {
        let more = others.iter().enumerate().take_while(|(index, next)| follows(first, next, index + 1)).count();
        match more.checked_sub(1) {
            Some(last) => {
                folded.push(format!("{}{{{}..{}}}{}", first.head, first.digits, others[last].digits, first.tail));
            }
            None => left.push(first.whole),
        }
        rest = &others[more..];
    }
    (folded, left)
}

/// A name taken apart at one of its numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parts<'a> {
    head: &'a str,
    tail: &'a str,
    number: u64,
    digits: &'a str,
    whole: &'a str,
}

fn follows(first: &Parts<'_>, next: &Parts<'_>, offset: usize) -> bool {
    let width = first.digits.len();
    (next.head, next.tail) == (first.head, first.tail)
        && !first.digits.is_empty()
        && next.number == first.number + offset as u64
        // `n9`, `n10` go on, and so do `n09`, `n10`; `n09`, `n010` do not.
        && (next.digits.len() == width || (!first.digits.starts_with('0') && !next.digits.starts_with('0')))
}

/// Takes a name apart at the number that has `position` numbers behind it.
fn split(name: &str, position: usize) -> Parts<'_> {
    let mut end = name.len();
    let mut left = position;
    loop {
        let Some(last) = name[..end].rfind(|c: char| c.is_ascii_digit()) else {
            return Parts { head: name, tail: "", number: 0, digits: "", whole: name };
        };
        let stop = last + 1;
        let start = name[..stop].trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let digits = &name[start..stop];
        match (left, digits.parse()) {
            (0, Ok(number)) => return Parts { head: &name[..start], tail: &name[stop..], number, digits, whole: name },
            (0, Err(_)) => return Parts { head: name, tail: "", number: 0, digits: "", whole: name },
            _ => {
                left -= 1;
                end = start;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fold_names;

    #[test]
    fn runs_of_like_names_fold_and_others_stay() {
        let folded = fold_names(["sw1", "r1-n10", "r1-n8", "r1-n9", "db", "r1-n12"]);
        assert_eq!(folded, ["db", "r1-n12", "r1-n{8..10}", "sw1"]);
    }

    #[test]
    fn the_number_that_runs_need_not_be_the_last() {
        let names = ["r1-n01/eth0", "r1-n02/eth0", "r1-n03/eth0", "r2-n01/eth0", "r2-n02/eth0"];
        assert_eq!(fold_names(names), ["r1-n{01..03}/eth0", "r2-n{01..02}/eth0"]);
    }

    #[test]
    fn padding_is_kept() {
        assert_eq!(fold_names(["n09/nic", "n10/nic"]), ["n{09..10}/nic"]);
    }
}
