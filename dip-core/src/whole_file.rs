//! Writes a file whole, so that a reader sees the old one or the new one, never half of one.

use std::fs::File;
use std::io::{Result, Write as _};
use std::path::Path;

/// Puts a text in place of a file, on disk, by way of a file beside it whose name ends in `.PID.tmp`.
///
/// # Errors
/// Where it cannot be written; the old file is then as it was, and nothing is left beside it.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two processes must not write into one file, nor anybody read it who takes files by the end of their names.
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    })
}
