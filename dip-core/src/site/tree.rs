//! The tree: what a site file says before anybody knows what it means, each part with its place.

use std::collections::BTreeMap;

use super::source::Mark;

/// How deep values may lie in one another: no site file needs more, and a deeper one is an accident or an attack.
pub(crate) const DEPTH: usize = 48;

/// A value with its place. It is not `Debug`: it may hold a secret that somebody wrote where a reference belongs.
#[derive(Clone)]
pub(crate) struct Tree {
    pub(crate) mark: Mark,
    /// The profile that it came through, an index into the profiles.
    pub(crate) profile: Option<u16>,
    pub(crate) data: Data,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum Data {
    /// Nothing: an empty YAML value or `null`.
    Null,
    /// An overlay said `null` for something that the files before it do not have.
    Removed,
    /// A text, as it stands in the file.
    Scalar(String, Style),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(Map),
}

/// The entries of a map.
pub(crate) type Map = BTreeMap<String, Entry>;

/// An entry of a map: its value, and where its key stands.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: Mark,
    pub(crate) value: Tree,
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Plain: it may be a number or a boolean.
    Plain,
    /// In quotes or as a block: it is text.
    Quoted,
}

impl Tree {
    pub(crate) const fn new(mark: Mark, data: Data) -> Self {
        Self { mark, profile: None, data }
    }

    pub(crate) const fn map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.map()?.get(key)
    }

    pub(crate) fn at(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entries under a key; none where it is not a map.
    pub(crate) fn entries(&self, key: &str) -> impl Iterator<Item = (&str, &Entry)> {
        self.at(key).and_then(Self::map).into_iter().flatten().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The items of a list under a key; none where it is not a list.
    pub(crate) fn items(&self, key: &str) -> &[Self] {
        self.at(key).map_or(&[], Self::list)
    }

    pub(crate) fn list(&self) -> &[Self] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// What it is, for a sentence.
    pub(crate) const fn what(&self) -> &'static str {
        match self.data {
            Data::Null | Data::Removed => "nothing",
            Data::Scalar(_, Style::Plain) => "a plain value",
            Data::Scalar(_, Style::Quoted) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// The last line that it or a part of it starts at.
    pub(crate) fn last_line(&self) -> u32 {
        let own = match &self.data {
            Data::Scalar(text, _) => self.mark.line + super::source::small(text.lines().count()),
            _ => self.mark.line,
        };
        let parts: Box<dyn Iterator<Item = &Self>> = match &self.data {
            Data::List(items) => Box::new(items.iter()),
            Data::Map(map) => Box::new(map.values().map(|entry| &entry.value)),
            _ => Box::new(std::iter::empty()),
        };
        parts.map(Self::last_line).max().unwrap_or(own).max(own)
    }
}
