//! Consents and approvals on disk: small files that are written by one person and brought to the run of another.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Approval, Consent, ConsentError};

/// The version of the form that consents and approvals have on disk.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consents {
    dip_consent: u32,
    consents: Vec<Consent>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approvals {
    dip_approval: u32,
    approval: Approval,
}

/// A consent or an approval cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The file system refuses.
    #[error("{path} cannot be {action}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{path} is not {what} that this dip can read")]
    Form {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It was written by a version of dip that this one does not know.
    #[error("{path} has form {version}, and this dip reads form {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its form.
        version: u64,
    },
    /// A consent in it is none.
    #[error("{path} holds what is no consent")]
    Consent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ConsentError,
    },
}

/// Reads a file of consents.
///
/// # Errors
/// Where it cannot be read, is of another form, or one of them names nothing, says no reason or holds too long.
pub fn read_consents(path: &Path) -> Result<Vec<Consent>, PaperError> {
    let Consents { consents, .. } = read(path, "dip_consent", "a file of consents")?;
    let checked = consents.into_iter().map(Consent::checked).collect::<Result<_, _>>();
    checked.map_err(|source| PaperError::Consent { path: path.to_owned(), source })
}

/// Reads an approval.
///
/// # Errors
/// Where it cannot be read, or is of another form.
pub fn read_approval(path: &Path) -> Result<Approval, PaperError> {
    let Approvals { approval, .. } = read(path, "dip_approval", "an approval")?;
    Ok(approval)
}

/// Writes consents to a file, for people to read and for a run to be given.
///
/// # Errors
/// Where it cannot be written.
pub fn write_consents(path: &Path, consents: Vec<Consent>) -> Result<(), PaperError> {
    write(path, &Consents { dip_consent: VERSION, consents })
}

/// Writes an approval to a file.
///
/// # Errors
/// Where it cannot be written.
pub fn write_approval(path: &Path, approval: Approval) -> Result<(), PaperError> {
    write(path, &Approvals { dip_approval: VERSION, approval })
}

/// The form is looked at first: a later one may have what this one does not know.
fn read<T: DeserializeOwned>(path: &Path, version: &str, what: &'static str) -> Result<T, PaperError> {
    let file = |source| PaperError::File { path: path.to_owned(), action: "read", source };
    let form = |source| PaperError::Form { path: path.to_owned(), what, source };
    let text = std::fs::read_to_string(path).map_err(file)?;
    let value: Value = serde_json::from_str(&text).map_err(form)?;
    match value.get(version).and_then(Value::as_u64) {
        Some(version) if version != u64::from(VERSION) => Err(PaperError::Version { path: path.to_owned(), version }),
        _ => T::deserialize(value).map_err(form),
    }
}

fn write<T: Serialize>(path: &Path, paper: &T) -> Result<(), PaperError> {
    let mut text = serde_json::to_string_pretty(paper).expect("consents and approvals serialise to JSON");
    text.push('\n');
    std::fs::write(path, text).map_err(|source| PaperError::File { path: path.to_owned(), action: "written", source })
}
