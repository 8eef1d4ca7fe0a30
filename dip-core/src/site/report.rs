//! The report: collects what is wrong while a site is read, and tells it in the end with file, line and excerpt.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::fault::{Fault, Faults, Severity};
use super::source::{Mark, Source};
use super::tree::Tree;

/// A fault before its place is turned into file, line and excerpt.
#[derive(Debug)]
pub(crate) struct Raw {
    mark: Mark,
    message: String,
    label: Option<String>,
    advice: Option<String>,
    hidden: bool,
    again: usize,
}

impl Raw {
    pub(crate) fn at(mark: Mark, message: impl Into<String>) -> Self {
        Self { mark, message: message.into(), label: None, advice: None, hidden: false, again: 0 }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The line may hold a secret: it is not shown.
    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }
}

/// Collects faults. Nodes of one range share their places: the same kind of fault at the same place is told once.
#[derive(Debug, Default)]
pub(crate) struct Report<'a> {
    sources: &'a [Source],
    faults: Vec<Raw>,
    warnings: Vec<Raw>,
    told: HashMap<(Mark, &'static str), usize>,
    hidden: HashSet<(u16, u32)>,
    /// The values that were put into places.
    values: HashMap<Mark, Vec<PutIn>>,
    /// Places whose value nobody knows, which is told.
    lost: HashSet<Mark>,
}

/// A value that was put into a place.
#[derive(Debug)]
struct PutIn {
    name: String,
    /// Where it is set, to which line.
    from: Mark,
    last_line: u32,
    share: Share,
}

/// How much of a text a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of it.
    Whole,
    /// A part of it.
    Part,
}

impl<'a> Report<'a> {
    /// The same report over the sources that its places are in: files are read before all of them are known.
    pub(crate) fn over<'b>(self, sources: &'b [Source]) -> Report<'b> {
        let Report { sources: _, faults, warnings, told, hidden, values, lost } = self;
        Report { sources, faults, warnings, told, hidden, values, lost }
    }

    pub(crate) const fn sources(&self) -> &'a [Source] {
        self.sources
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Tells a fault; `kind` says which faults at one place are the same. The fault itself is only made where it is new.
    pub(crate) fn tell(&mut self, kind: &'static str, mark: Mark, fault: impl FnOnce() -> Raw) {
        if let Some(index) = self.told.get(&(mark, kind)) {
            self.faults[*index].again += 1;
        } else {
            self.told.insert((mark, kind), self.faults.len());
            self.faults.push(fault());
        }
    }

    /// Tells what is worth a look and does not stop anything.
    pub(crate) fn warn(&mut self, warning: Raw) {
        self.warnings.push(warning);
    }

    /// No fault shows these lines: somebody wrote a secret there.
    pub(crate) fn hide(&mut self, source: u16, lines: std::ops::RangeInclusive<u32>) {
        self.hidden.extend(lines.map(|line| (source, line)));
    }

    /// A value was put into the text at a place.
    pub(crate) fn put_in(&mut self, at: Mark, name: &str, value: &Tree, share: Share) {
        let values = self.values.entry(at).or_default();
        if values.iter().all(|value| value.name != name) {
            values.push(PutIn { name: name.to_owned(), from: value.mark, last_line: value.last_line(), share });
        }
    }

    /// Nobody knows what stands at a place, and why is told: nothing further is asked of it.
    pub(crate) fn lose(&mut self, at: Mark) {
        self.lost.insert(at);
    }

    pub(crate) fn is_lost(&self, at: Mark) -> bool {
        self.lost.contains(&at)
    }

    /// The directory at which relative paths of a place start: that of the file in which the whole text stands.
    pub(crate) fn directory(&self, at: Mark) -> &'a Path {
        let mut source = at.source;
        for value in self.values_at(at).iter().take_while(|value| value.share == Share::Whole) {
            source = value.from.source;
        }
        self.sources.get(usize::from(source)).map_or(Path::new(""), |source| &source.directory)
    }

    /// No fault shows the values that were put into a place: a secret was.
    pub(crate) fn hide_values(&mut self, at: Mark) {
        let lines = |value: &PutIn| (value.from.line..=value.last_line).map(|line| (value.from.source, line)).collect();
        let lines: Vec<Vec<_>> = self.values_at(at).into_iter().map(lines).collect();
        self.hidden.extend(lines.into_iter().flatten());
    }

    /// The values that were put into a place, and those that were put into them. None holds itself.
    fn values_at(&self, at: Mark) -> Vec<&PutIn> {
        let here = self.values.get(&at).into_iter().flatten();
        here.flat_map(|value| std::iter::once(value).chain(self.values_at(value.from))).collect()
    }

    /// What is wrong.
    pub(crate) fn finish(mut self) -> Faults {
        let faults = std::mem::take(&mut self.faults);
        Faults(self.placed(faults, Severity::Error))
    }

    /// What is worth a look where nothing is wrong.
    pub(crate) fn finish_warnings(mut self) -> Vec<Fault> {
        let warnings = std::mem::take(&mut self.warnings);
        self.placed(warnings, Severity::Warning)
    }

    fn placed(&self, mut raw: Vec<Raw>, severity: Severity) -> Vec<Fault> {
        raw.sort_by_key(|raw| raw.mark);
        let lines: Vec<Vec<&str>> = self.sources.iter().map(|source| source.text.lines().collect()).collect();
        let place = |raw: Raw| {
            let line = usize::try_from(raw.mark.line).unwrap_or(usize::MAX).saturating_sub(1);
            let excerpt = lines.get(usize::from(raw.mark.source)).and_then(|lines| lines.get(line));
            let shown = !raw.hidden && !self.hidden.contains(&(raw.mark.source, raw.mark.line));
            let excerpt = excerpt.filter(|text| shown && !may_hold_secret(text)).map(|text| (*text).to_owned());
            let message = match raw.again {
                0 => raw.message,
                1 => format!("{} (and once more from here)", raw.message),
                again => format!("{} (and {again} times more from here)", raw.message),
            };
            Fault {
                severity,
                message,
                origin: Some(raw.mark.origin(self.sources)),
                excerpt,
                length: raw.mark.length,
                label: raw.label,
                notes: self.notes(raw.mark),
                advice: raw.advice,
            }
        };
        raw.into_iter().map(place).collect()
    }

    fn notes(&self, at: Mark) -> Vec<String> {
        let note = |value: &PutIn| format!("`${{{}}}` comes from {}", value.name, value.from.origin(self.sources));
        self.values_at(at).into_iter().map(note).collect()
    }
}

/// Whether a line names a secret and something other than a reference stands behind it. It errs towards hiding: a
/// mistyped key (`pasword`) or a broken line must not bring a secret to the screen either.
fn may_hold_secret(line: &str) -> bool {
    const WORDS: [&str; 7] = ["passw", "pasw", "passphrase", "secret", "token", "credential", "psk"];
    // A digest stands in a file to be compared.
    let digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A line of a key block, or of one that a broken file tore out of its key.
    let token = |word: &str| {
        word.len() >= 40
            && !(digest(word) && line.contains("sha256"))
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    if line.contains("-----BEGIN") || line.split([' ', '"', '\'']).any(token) {
        return true;
    }
    let line = line.to_lowercase();
    WORDS.iter().flat_map(|word| line.match_indices(word).map(|(at, _)| at)).any(|at| {
        let rest = line[at..].split_once([':', '=']).map_or("", |(_, rest)| rest);
        let value = rest.trim_start_matches([' ', '\t', '"', '\'']);
        !(value.is_empty()
            || value.starts_with("env:")
            || value.starts_with("file:")
            || value.starts_with("store:")
            || value.starts_with("${")
            || value.starts_with(['{', '[']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::source::Format;

    #[test]
    fn a_fault_shows_its_line_and_marks_the_place() {
        let sources = [Source::new("site.yaml", Format::Yaml, "a: 1\nnetwork: stroage\n")];
        let mut report = Report::default().over(&sources);
        let mark = Mark { source: 0, line: 2, column: 10, length: 7 };
        report.tell("x", mark, || Raw::at(mark, "unknown network `stroage`").label("did you mean `storage`?"));
        report.tell("x", mark, || Raw::at(mark, "not told"));
        let text = report.finish().to_string();
        let wanted = "error: unknown network `stroage` (and once more from here)\n --> site.yaml:2:10\n  |\n2 | network: stroage\n  |          ^^^^^^^ did you mean `storage`?";
        assert_eq!(text, wanted);
    }

    #[test]
    fn lines_that_may_hold_a_secret_are_not_shown() {
        assert!(may_hold_secret("  pasword: hunter2"));
        assert!(may_hold_secret("bmc: {password: \"hunter2\", user: a}"));
        assert!(may_hold_secret("  b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAA="));
        assert!(!may_hold_secret("bmc: {password: env:BMC, user: a}"));
        assert!(!may_hold_secret("  key: file:secrets/tsig"));
    }
}
