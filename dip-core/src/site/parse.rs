//! Reads one source into a tree, by its format.

use super::report::{Raw, Report};
use super::source::{Format, Mark, Source};
use super::tree::{Data, Map, Tree};
use super::{json, toml, yaml};

/// The largest file that is read: a site of 10,000 nodes written out one by one stays far below.
const SIZE: usize = 64 << 20;

/// Reads one source; `None` where it is so broken that nothing of it can be read, which is told.
pub(crate) fn parse(source: &Source, index: u16, report: &mut Report<'_>) -> Option<Tree> {
    let start = Mark::start(index);
    if source.text.len() > SIZE {
        report.tell("size", start, || Raw::at(start, format!("the file is larger than {} MiB", SIZE >> 20)).hidden());
        return None;
    }
    // Byte order marks are no part of the text.
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let tree = match source.format {
        Format::Yaml => yaml::read(text, index, report),
        Format::Json => json::read(text, index, report),
        Format::Toml => toml::read(text, index, report),
    }?;
    match tree.data {
        Data::Map(_) => Some(tree),
        Data::Null => Some(Tree::new(tree.mark, Data::Map(Map::new()))),
        _ => {
            let what = tree.what();
            report.tell("top", tree.mark, || {
                Raw::at(tree.mark, format!("a site file is a map of keys, and this is {what}"))
                    .advice("start with `version: 1`")
            });
            None
        }
    }
}
