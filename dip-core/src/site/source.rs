//! Sources: the files that a site is read from, and places in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Origin;

/// How a site file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that the extension of a file name says: `.yaml`, `.yml`, `.toml` or `.json`.
    #[must_use]
    pub fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// One site file, in memory.
#[derive(Clone)]
pub struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) format: Format,
    pub(crate) text: String,
    pub(crate) directory: PathBuf,
}

impl Source {
    /// A file by the name that faults tell; relative paths in it start at the directory of that name.
    #[must_use]
    pub fn new(name: &str, format: Format, text: impl Into<String>) -> Self {
        let directory = Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
        Self { name: name.into(), format, text: text.into(), directory }
    }

    /// A table, which is no site file: nobody reads it by a format.
    pub(crate) fn table(name: &str, text: String) -> Self {
        Self::new(name, Format::Json, text)
    }

    /// The same file with relative paths in it starting at `directory`.
    #[must_use]
    pub fn at(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }
}

/// Its text may hold a secret that somebody wrote where a reference belongs: it is not shown.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("format", &self.format).finish_non_exhaustive()
    }
}

/// A place in one of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    /// Which source, from 0.
    pub(crate) source: u16,
    /// The line, from 1.
    pub(crate) line: u32,
    /// The column, from 1, in characters.
    pub(crate) column: u32,
    /// How many characters.
    pub(crate) length: u32,
}

impl Mark {
    /// The start of a source.
    pub(crate) const fn start(source: u16) -> Self {
        Self { source, line: 1, column: 1, length: 1 }
    }

    /// The place as the site's nouns tell it.
    pub(crate) fn origin(self, sources: &[Source]) -> Origin {
        let file = sources.get(usize::from(self.source)).map_or_else(|| "".into(), |source| Arc::clone(&source.name));
        Origin { file, line: self.line, column: self.column, profile: None }
    }
}

/// Finds line and column of byte offsets.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The mark of a range of bytes; one that crosses lines is marked to the end of its first line.
    pub(crate) fn mark(&self, source: u16, range: std::ops::Range<usize>) -> Mark {
        let line = self.starts.partition_point(|start| *start <= range.start).max(1);
        let start = self.starts[line - 1];
        let before = self.text.get(start..range.start).map_or(0, |text| text.chars().count());
        let marked = self.text.get(range).map_or(1, |text| text.lines().next().unwrap_or("").chars().count());
        Mark { source, line: small(line), column: small(before + 1), length: small(marked.max(1)) }
    }
}

/// A count of lines or characters; a file never has 2^32 of them, as its size is limited.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
