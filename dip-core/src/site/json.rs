//! Reads JSON into a tree: checked strictly first, then read as the YAML that it also is, which knows all places.

use serde::de::IgnoredAny;

use super::report::{Raw, Report};
use super::source::{Mark, small};
use super::tree::Tree;
use super::yaml;

pub(crate) fn read(text: &str, source: u16, report: &mut Report<'_>) -> Option<Tree> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let mark = Mark { source, line: small(error.line().max(1)), column: small(error.column().max(1)), length: 1 };
        let why = error.to_string();
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why).to_owned();
        report.tell("syntax", mark, || {
            Raw::at(mark, format!("this is not JSON: {why}")).advice("check commas, quotes and brackets")
        });
        return None;
    }
    // Strings of JSON hold no raw tabs, so every tab is white space between values, where YAML knows only spaces.
    yaml::read(&text.replace('\t', " "), source, report)
}
