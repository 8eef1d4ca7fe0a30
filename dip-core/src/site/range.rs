//! Names with ranges, `r{r:1..4}-n{n:01..25}`: one for each combination of their numbers.

/// The most names that one pattern, or all nodes of a site together, may make.
pub(crate) const CEILING: usize = 100_000;

/// A name that may hold ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Range { variable: String, first: u32, last: u32, width: usize },
}

/// A name that a pattern makes, with the numbers in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) variables: Vec<(String, i64)>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inner, after) =
                after.split_once('}').ok_or_else(|| format!("the `{{` in `{text}` is never closed"))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(range(inner)?);
            rest = after;
        }
        if rest.contains('}') {
            return Err(format!("the `}}` in `{text}` was never opened"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// A variable that two of its ranges share.
    pub(crate) fn shared_variable(&self) -> Option<&str> {
        let mut seen = Vec::new();
        for piece in &self.pieces {
            if let Piece::Range { variable, .. } = piece {
                if seen.contains(&variable.as_str()) {
                    return Some(variable);
                }
                seen.push(variable.as_str());
            }
        }
        None
    }

    /// How many names it makes.
    pub(crate) fn count(&self) -> usize {
        self.pieces.iter().fold(1, |count: usize, piece| match piece {
            Piece::Text(_) => count,
            Piece::Range { first, last, .. } => count.saturating_mul((last - first) as usize + 1),
        })
    }

    /// All names that it makes, the last range fastest. Ask `count` first.
    pub(crate) fn names(&self) -> Vec<Made> {
        let mut made = vec![Made { name: String::new(), variables: Vec::new() }];
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => made.iter_mut().for_each(|made| made.name.push_str(text)),
                Piece::Range { variable, first, last, width } => {
                    let each = |made: &Made| {
                        (*first..=*last)
                            .map(|number| {
                                let mut made = made.clone();
                                made.name.push_str(&format!("{number:0width$}"));
                                made.variables.push((variable.clone(), i64::from(number)));
                                made
                            })
                            .collect::<Vec<_>>()
                    };
                    made = made.iter().flat_map(each).collect();
                }
            }
        }
        made
    }
}

/// Reads what stands between the braces: `n:01..25`, or `1..25` for `n:1..25`.
fn range(inner: &str) -> Result<Piece, String> {
    let wrong = || format!("`{{{inner}}}` is not a range; write `{{n:1..8}}`, or `{{n:01..25}}` for padded numbers");
    let (variable, bounds) = inner.split_once(':').unwrap_or(("n", inner));
    let named = variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !named || !variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(wrong());
    }
    let (first, last) = bounds.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u32>().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let width = if first.len() > 1 && first.starts_with('0') { first.len() } else { 1 };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("the range `{{{inner}}}` runs backwards; write the smaller number first"));
    }
    Ok(Piece::Range { variable: variable.to_owned(), first, last, width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Pattern::parse(text).expect("a pattern").names().into_iter().map(|made| made.name).collect()
    }

    #[test]
    fn two_ranges_make_every_combination_and_padding_is_kept() {
        assert_eq!(names("r{r:1..2}-n{n:09..10}"), ["r1-n09", "r1-n10", "r2-n09", "r2-n10"]);
        assert_eq!(names("n{1..3}"), ["n1", "n2", "n3"]);
        assert_eq!(names("n7"), ["n7"]);
    }

    #[test]
    fn what_is_no_range_is_told() {
        for text in ["n{", "n}", "n{}", "n{3..1}", "n{a..b}", "n{1..99999999999}", "n{:1..2}", "n{1-2}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_huge_range_is_counted_without_being_made() {
        let pattern = Pattern::parse("{a:0..999999999}{b:0..999999999}{c:0..999999999}").expect("a pattern");
        assert!(pattern.count() > CEILING);
    }
}
