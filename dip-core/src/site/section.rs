//! What reading any section needs: the things in it, a value of one, its driver.

use std::str::FromStr;

use serde_json::{Map as Object, Value};

use super::Driver;
use super::report::{Raw, Report};
use super::shape::Field;
use super::source::Mark;
use super::tree::{Entry, Tree};
use crate::id::{NameError, Symbol};

/// The things of a section; one whose name is none is told.
pub(crate) fn section<'t, N: FromStr<Err = NameError>>(
    root: &'t Tree,
    key: &'t str,
    report: &mut Report<'_>,
) -> Vec<(N, &'t str, &'t Entry)> {
    let read = |(name, entry): (&'t str, &'t Entry)| match name.parse::<N>() {
        Ok(parsed) => Some((parsed, name, entry)),
        Err(error) => {
            report.tell("name", entry.key, || Raw::at(entry.key, error.to_string()));
            None
        }
    };
    root.entries(key).filter_map(read).collect()
}

/// The value of a key, read; what is wrong with it the check has told.
pub(crate) fn parse<T: FromStr>(tree: &Tree, key: &str) -> Option<T> {
    tree.at(key)?.text()?.parse().ok()
}

/// The driver that checked data describes, without the fields that core reads itself.
pub(crate) fn driver(
    mut object: Object<String, Value>,
    common: &[Field],
    mark: Mark,
    report: &Report<'_>,
) -> Option<Driver> {
    let kind = object.remove("kind")?;
    let kind = Symbol::from(kind.as_str()?);
    common.iter().for_each(|field| drop(object.remove(field.name)));
    Some(Driver { kind, settings: Value::Object(object), origin: Some(mark.origin(report.sources())) })
}
