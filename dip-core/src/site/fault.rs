//! Faults of site files: what is wrong, where, and what to do about it.

use std::fmt;

use super::Origin;

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
    /// Where the values that were put into that place come from.
    pub notes: Vec<String>,
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
            notes: Vec::new(),
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
        for note in &self.notes {
            write!(f, "\n{margin} = note: {note}")?;
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

    #[test]
    fn only_near_names_are_offered() {
        assert_eq!(nearest("stroage", ["prod", "storage"]), Some("storage"));
        assert_eq!(nearest("xyz", ["prod", "storage"]), None);
    }
}
