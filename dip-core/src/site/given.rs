//! Values that are given beside the files of a site, one by one: `ring=staging`.

use std::str::FromStr;

use super::source::{Format, Mark, Source, small};
use super::tree::{Data, Entry, Map, Style, Tree};
use super::values::is_name;

/// A value by its name, with dots where it lies deeper: `dns.server=10.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenValue {
    name: String,
    text: String,
}

/// A text does not give a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GivenValueError {
    /// Nothing says where the name ends.
    #[error("`{0}` gives no value; write `name=value`, for example `ring=staging`")]
    NoValue(String),
    /// What stands before `=` is no name.
    #[error("`{0}` is not the name of a value; it has letters, digits, `_` and `-`, and dots between its parts")]
    NoName(String),
}

impl FromStr for GivenValue {
    type Err = GivenValueError;

    fn from_str(text: &str) -> Result<Self, GivenValueError> {
        let (name, value) = text.split_once('=').ok_or_else(|| GivenValueError::NoValue(text.to_owned()))?;
        if !is_name(name) {
            return Err(GivenValueError::NoName(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), text: value.to_owned() })
    }
}

/// What faults show of given values, a line for each, and the trees that the lines say.
pub(crate) fn read(given: &[GivenValue], source: u16) -> (Source, Vec<Tree>) {
    let line = |given: &GivenValue| format!("{}={}\n", given.name, given.text.replace('\n', "\\n"));
    let text: String = given.iter().map(line).collect();
    let tree = |(index, given): (usize, &GivenValue)| {
        let line = small(index + 1);
        let key = Mark { source, line, column: 1, length: small(given.name.len()) };
        let length = small(given.text.chars().count().max(1));
        let value = Mark { source, line, column: key.length + 2, length };
        let leaf = Tree::new(value, Data::Scalar(given.text.clone(), Style::Plain));
        given
            .name
            .rsplit('.')
            .fold(leaf, |value, part| Tree::new(key, Data::Map(Map::from([(part.to_owned(), Entry { key, value })]))))
    };
    (Source::new("--set", Format::Yaml, text), given.iter().enumerate().map(tree).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_name_and_may_hold_anything() {
        let given = |text: &str| text.parse::<GivenValue>();
        let text = |text: &str| given(text).map(|given| given.text);
        assert_eq!(text("a.b-c=x=y"), Ok("x=y".to_owned()));
        assert_eq!(text("a="), Ok(String::new()));
        assert!(matches!(given("a"), Err(GivenValueError::NoValue(_))));
        for name in ["", "a..b", ".a", "1 2", "a b"] {
            assert_eq!(given(&format!("{name}=x")), Err(GivenValueError::NoName(name.to_owned())));
        }
    }
}
