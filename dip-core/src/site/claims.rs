//! The claims `dip.claims`: which records of other people dip may take over, reviewed in version control beside the site file.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::versioned::{self, Unread};
use crate::provider::{Holder, Ownership};
use crate::subject::Subject;
use crate::whole_file;

/// The version that is written.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
const VERSION: u32 = 1;

/// The records that may be taken over, by the operation that writes each and its subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Claim>", into = "Vec<Claim>")]
pub struct Claims(BTreeMap<(String, Subject), Claim>);

/// One record that may be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The operation that writes the record: `opsmgmt.register_name`.
    pub operation: String,
    /// What the record is about.
    pub subject: Subject,
    /// Who held it when it was claimed; from nobody else it is taken.
    pub holder: Holder,
    /// What it said then, as its provider tells it.
    pub was: serde_json::Value,
    /// When it was claimed.
    pub at: Timestamp,
    /// Who claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A file of claims cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClaimsError {
    /// The file cannot be read or written.
    #[error("the claims `{file}` cannot be {verb}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        verb: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file holds no claims.
    #[error("the claims `{file}` are damaged; restore them from version control")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file is of a newer form.
    #[error("the claims `{file}` have version {version}, and this dip knows version {VERSION}; use a newer dip")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
}

impl ClaimsError {
    fn of(path: &Path, unread: Unread) -> Self {
        let file = path.display().to_string();
        match unread {
            Unread::Io(source) => Self::Io { file, verb: "read", source },
            Unread::Damaged(source) => Self::Damaged { file, source },
            Unread::Version(version) => Self::Version { file, version },
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    claims: Claims,
}

impl From<Vec<Claim>> for Claims {
    fn from(claims: Vec<Claim>) -> Self {
        Self(claims.into_iter().map(|claim| ((claim.operation.clone(), claim.subject.clone()), claim)).collect())
    }
}

impl From<Claims> for Vec<Claim> {
    fn from(claims: Claims) -> Self {
        claims.0.into_values().collect()
    }
}

impl Claims {
    /// No claims.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All claims, by operation and subject.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.0.values()
    }

    /// By what right an operation writes the record of a subject.
    #[must_use]
    pub fn ownership(&self, operation: &str, subject: &Subject) -> Ownership {
        // A site without claims, which nearly all are, need not build a key.
        if self.0.is_empty() {
            return Ownership::Own;
        }
        let claim = self.0.get(&(operation.to_owned(), subject.clone()));
        claim.map_or(Ownership::Own, |claim| Ownership::Claimed(claim.holder.clone()))
    }

    /// Adds a claim, in place of a former one of the same record.
    pub fn add(&mut self, claim: Claim) {
        self.0.insert((claim.operation.clone(), claim.subject.clone()), claim);
    }

    /// Takes a claim out.
    pub fn take_out(&mut self, operation: &str, subject: &Subject) -> Option<Claim> {
        self.0.remove(&(operation.to_owned(), subject.clone()))
    }

    /// Reads a file of claims; one that does not exist is empty.
    ///
    /// # Errors
    /// Where it cannot be read, is damaged, or is of a newer form.
    pub fn read(path: &Path) -> Result<Self, ClaimsError> {
        let document: Option<Document> =
            versioned::read(path, VERSION).map_err(|unread| ClaimsError::of(path, unread))?;
        Ok(document.map(|document| document.claims).unwrap_or_default())
    }

    /// Writes the file so that a reader sees the old one or the new one, never half of one.
    ///
    /// # Errors
    /// Where it cannot be written; the old file is then as it was.
    pub fn write(&self, path: &Path) -> Result<(), ClaimsError> {
        let failed = |source| ClaimsError::Io { file: path.display().to_string(), verb: "written", source };
        whole_file::replace(path, &self.to_text()).map_err(failed)
    }

    /// The file's text: JSON, sorted, so that a change reads well in a review.
    ///
    /// # Panics
    /// Never: claims serialise to JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        let document = Document { version: VERSION, claims: self.clone() };
        let mut text = serde_json::to_string_pretty(&document).expect("claims serialise to JSON");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SiteName;

    fn claim(subject: &str, holder: Holder) -> Claim {
        Claim {
            operation: "opsmgmt.register_name".to_owned(),
            subject: subject.parse().expect("a subject"),
            holder,
            was: serde_json::json!({"addresses": ["10.1.0.99"]}),
            at: "2026-01-05T08:00:00Z".parse().expect("a time"),
            by: Some("ann".to_owned()),
            reason: None,
        }
    }

    #[test]
    fn claims_are_read_as_they_were_written_and_sorted() {
        let directory = std::env::temp_dir().join(format!("dip-claims-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("dip.claims");
        assert_eq!(Claims::read(&path).expect("there is none"), Claims::default());
        let north = Holder::Site(SiteName::new("north").expect("a name"));
        let mut claims = Claims::default();
        claims.add(claim("node/n2", Holder::Nobody));
        claims.add(claim("node/n1", north.clone()));
        claims.write(&path).expect("written");
        assert_eq!(Claims::read(&path).expect("read"), claims);
        let text = std::fs::read_to_string(&path).expect("written");
        assert!(text.find("node/n1") < text.find("node/n2"), "{text}");
        let ownership = |subject: &str| claims.ownership("opsmgmt.register_name", &subject.parse().expect("a subject"));
        assert_eq!(ownership("node/n1"), Ownership::Claimed(north));
        assert_eq!(ownership("node/n3"), Ownership::Own);
        std::fs::write(&path, "{\"version\": 2, \"more\": {}}").expect("written");
        assert!(matches!(Claims::read(&path), Err(ClaimsError::Version { version: 2, .. })));
        std::fs::write(&path, "{").expect("written");
        assert!(matches!(Claims::read(&path), Err(ClaimsError::Damaged { .. })));
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
