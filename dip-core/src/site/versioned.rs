//! Reads the JSON files beside a site file: each says which version of its form it has, and that is asked before anything else,
//! so that a file of a newer form is told as that and not as damaged.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The file system refuses.
    Io(std::io::Error),
    /// It does not have the form that it says it has.
    Damaged(serde_json::Error),
    /// It has a version that is not known.
    Version(u32),
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The content of a file of the versions 1 to `newest`; `None` where there is no file.
pub(super) fn read<T: DeserializeOwned>(path: &Path, newest: u32) -> Result<Option<T>, Unread> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unread::Io(error)),
    };
    let Versioned { version } = serde_json::from_str(&text).map_err(Unread::Damaged)?;
    if !(1..=newest).contains(&version) {
        return Err(Unread::Version(version));
    }
    serde_json::from_str(&text).map(Some).map_err(Unread::Damaged)
}
