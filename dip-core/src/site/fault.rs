//! Faults of site files: what is wrong, where, and what to do about it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::Origin;
use super::source::{Mark, Source};

/// Something wrong in a site file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; `None` where it is about no place in a file.
    pub origin: Option<Origin>,
    /// The line there; `None` where it may hold a secret.
    pub excerpt: Option<String>,
    /// How many characters of the line are meant.
    pub length: u32,
    /// What stands beside the marked characters.
    pub label: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The site cannot be used.
    Error,
    /// The site can be used, and this is still worth a look.
    Warning,
    /// Nothing is at stake; it could be better, or shorter.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

impl Fault {
    /// An error that is about no place in a file.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            origin: None,
            excerpt: None,
            length: 0,
            label: None,
            advice: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)?;
        let width = self.origin.as_ref().map_or(1, |origin| origin.line.to_string().len());
        let margin = " ".repeat(width);
        if let Some(origin) = &self.origin {
            write!(f, "\n{margin}--> {}:{}:{}", origin.file, origin.line, origin.column)?;
            if let Some(excerpt) = &self.excerpt {
                // A marked place keeps its column only if the tabs before it stay tabs.
                let before = usize::try_from(origin.column).unwrap_or(1).saturating_sub(1);
                let indent: String = excerpt.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                let room = excerpt.chars().count().saturating_sub(before).max(1);
                let marks = "^".repeat(usize::try_from(self.length).unwrap_or(1).clamp(1, room));
                write!(f, "\n{margin} |\n{} | {excerpt}\n{margin} | {indent}{marks}", origin.line)?;
                if let Some(label) = &self.label {
                    write!(f, " {label}")?;
                }
            } else if let Some(label) = &self.label {
                write!(f, "\n{margin} = note: {label}")?;
            }
        } else if let Some(label) = &self.label {
            write!(f, "\n{margin} = note: {label}")?;
        }
        match &self.advice {
            Some(advice) => write!(f, "\n{margin} = help: {advice}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong in the files of a site, in the order of files and lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            fmt::Display::fmt(fault, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

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
#[derive(Debug)]
pub(crate) struct Report<'a> {
    sources: &'a [Source],
    faults: Vec<Raw>,
    warnings: Vec<Raw>,
    told: HashMap<(Mark, &'static str), usize>,
    hidden: HashSet<(u16, u32)>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(sources: &'a [Source]) -> Self {
        Self { sources, faults: Vec::new(), warnings: Vec::new(), told: HashMap::new(), hidden: HashSet::new() }
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
                advice: raw.advice,
            }
        };
        raw.into_iter().map(place).collect()
    }
}

/// Whether a line names a secret and something other than a reference stands behind it. It errs towards hiding: a
/// mistyped key (`pasword`) or a broken line must not bring a secret to the screen either.
fn may_hold_secret(line: &str) -> bool {
    const WORDS: [&str; 7] = ["passw", "pasw", "passphrase", "secret", "token", "credential", "psk"];
    // A line of a key block, or of one that a broken file tore out of its key.
    let token = |word: &str| {
        word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    if line.contains("-----BEGIN") || line.split([' ', '"', '\'']).any(token) {
        return true;
    }
    let line = line.to_lowercase();
    WORDS.iter().flat_map(|word| line.match_indices(word).map(|(at, _)| at)).any(|at| {
        let rest = line[at..].split_once([':', '=']).map_or("", |(_, rest)| rest);
        let value = rest.trim_start_matches([' ', '\t', '"', '\'']);
        !(value.is_empty() || value.starts_with("env:") || value.starts_with("file:") || value.starts_with(['{', '[']))
    })
}

/// The name nearest to a mistyped one, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(near, other)| *near > 0.84 || strsim::damerau_levenshtein(name, other) <= 1)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::source::Format;

    #[test]
    fn a_fault_shows_its_line_and_marks_the_place() {
        let sources = [Source::new("site.yaml", Format::Yaml, "a: 1\nnetwork: stroage\n")];
        let mut report = Report::new(&sources);
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

    #[test]
    fn only_near_names_are_offered() {
        assert_eq!(nearest("stroage", ["prod", "storage"]), Some("storage"));
        assert_eq!(nearest("xyz", ["prod", "storage"]), None);
    }
}
