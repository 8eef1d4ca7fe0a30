//! Bases: a site file that is laid over another one, whose content it pins by a digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::check::{Checker, Names, Place, Whole};
use super::report::{Raw, Report};
use super::root;
use super::source::{Format, Source};
use super::tree::{Data, Entry, Tree};

/// A base as a site file names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The base's file, from the directory of the file that is laid over it.
    pub file: String,
    /// The release of the base, where it says one.
    pub version: Option<String>,
    /// The SHA-256 of the base's file, in hexadecimal digits.
    pub sha256: String,
}

/// A base that a site was made from, as the lock file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// Its release, where it says one.
    pub release: Option<String>,
    /// The SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
}

impl Pin {
    /// The line that pins it, as a site file of this format writes it.
    #[must_use]
    pub fn line(&self, format: Format) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let version = self.version.as_deref().map(|version| ("version", quoted(version)));
        let all = [Some(("file", quoted(&self.file))), version, Some(("sha256", quoted(&self.sha256)))];
        let join = |before: &str, between: &str| {
            let parts = all.iter().flatten().map(|(key, value)| format!("{before}{key}{before}{between}{value}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        match format {
            Format::Yaml => format!("base: {{{}}}", join("", ": ")),
            Format::Toml => format!("base = {{{}}}", join("", " = ")),
            Format::Json => format!("\"base\": {{{}}}", join("\"", ": ")),
        }
    }
}

impl LockedBase {
    /// `../base/3.2.yaml`, release 3.2 (0a1b2c3d4e5f).
    fn told(&self, path: &str) -> String {
        let digest = self.sha256.get(..12).unwrap_or(&self.sha256);
        match &self.release {
            Some(release) => format!("`{path}`, release {release} ({digest})"),
            None => format!("`{path}` ({digest})"),
        }
    }
}

/// What a file says of its base, before anybody has checked it.
pub(crate) fn of(tree: &Tree) -> Option<&Entry> {
    tree.entry("base").filter(|entry| !matches!(entry.value.data, Data::Null))
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(crate) fn digest(source: &Source) -> String {
    Sha256::digest(source.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The release that a file says of itself.
pub(crate) fn release(tree: &Tree) -> Option<&str> {
    tree.at("release").and_then(Tree::text)
}

/// A base that was read: its file, what it says, and its path from the directory of the site file.
pub(crate) struct Read<'s> {
    pub(crate) source: &'s Source,
    pub(crate) tree: &'s Tree,
    pub(crate) path: &'s str,
}

/// Compares what a file says of its base with the base, and both with what was locked. Gives what is to be locked.
pub(crate) fn check(
    over: &Entry,
    base: &Read<'_>,
    locked: &BTreeMap<String, LockedBase>,
    report: &mut Report<'_>,
) -> LockedBase {
    shape(over, report);
    let found = LockedBase { release: release(base.tree).map(str::to_owned), sha256: digest(base.source) };
    let file = over.value.at("file").and_then(Tree::text).unwrap_or_default();
    let version = over.value.at("version").and_then(|tree| Some((tree.text()?, tree.mark)));
    match (version, &found.release) {
        (Some((wanted, mark)), Some(release)) if wanted != release => report.tell("version", mark, || {
            Raw::at(mark, format!("the base `{file}` is release {release}, and this file wants {wanted}"))
                .advice("lay it over the base of that release, or take the new one: `dip pin` prints the line")
        }),
        (Some((_, mark)), None) => report.warn(
            Raw::at(mark, format!("the base `{file}` does not say which release it is"))
                .advice("write `release` into the base, so that a version can be compared"),
        ),
        _ => {}
    }
    if let Some((pinned, mark)) = over.value.at("sha256").and_then(|tree| Some((tree.text()?, tree.mark)))
        && !pinned.eq_ignore_ascii_case(&found.sha256)
    {
        report.tell("digest", mark, || {
            Raw::at(
                mark,
                format!(
                    "the base `{file}` has changed since it was pinned: pinned is {pinned}, and it is {}",
                    found.sha256
                ),
            )
            .advice("look at what changed in it; where that is right, put the line here that `dip pin` prints")
        });
    }
    if let Some(before) = moved(base.path, &found, locked) {
        report.warn(
            Raw::at(
                over.key,
                format!("the base has moved since it was locked, from {before} to {}", found.told(base.path)),
            )
            .advice("the plan holds all that follows from it; look at it as a whole"),
        );
    }
    found
}

/// What was locked in place of a base, where that is something else: the same file otherwise, or other files.
fn moved(path: &str, found: &LockedBase, locked: &BTreeMap<String, LockedBase>) -> Option<String> {
    match locked.get(path) {
        Some(before) => (before != found).then(|| before.told(path)),
        None if locked.is_empty() => None,
        None => Some(locked.iter().map(|(path, base)| base.told(path)).collect::<Vec<_>>().join(" and ")),
    }
}

/// The shape of what a file says of its base.
pub(crate) fn shape(over: &Entry, report: &mut Report<'_>) {
    let mut checker = Checker { report, names: &Names::new(), whole: Whole::Yes };
    checker.object(&over.value, &root::base(), Place { key: "base", mark: over.key });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_right_in_each_format() {
        let pin = Pin { file: "../a b.yaml".to_owned(), version: Some("3.2".to_owned()), sha256: "ab".to_owned() };
        let lines = [Format::Yaml, Format::Toml, Format::Json].map(|format| pin.line(format));
        assert_eq!(lines[0], r#"base: {file: "../a b.yaml", version: "3.2", sha256: "ab"}"#);
        assert_eq!(lines[1], r#"base = {file = "../a b.yaml", version = "3.2", sha256 = "ab"}"#);
        assert_eq!(lines[2], r#""base": {"file": "../a b.yaml", "version": "3.2", "sha256": "ab"}"#);
        assert_eq!(Pin { version: None, ..pin }.line(Format::Yaml), r#"base: {file: "../a b.yaml", sha256: "ab"}"#);
    }
}
