//! Runs other programs and tells failures as sentences.

use std::error::Error;
use std::process::{Command, Stdio};

pub(crate) type Done = Result<(), Box<dyn Error>>;

/// Runs a command whose output the person sees only if it fails.
pub(crate) fn run(line: &mut Command) -> Result<String, Box<dyn Error>> {
    let name = line.get_program().to_string_lossy().into_owned();
    let done = line.stdin(Stdio::null()).output().map_err(|error| format!("could not run {name}: {error}"))?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(out);
    }
    let err = String::from_utf8_lossy(&done.stderr);
    let lines: Vec<&str> = out.lines().chain(err.lines()).collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(format!("{name} failed ({}); the end of what it said:\n{tail}", done.status).into())
}

/// The root of the repository.
pub(crate) fn repository() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}
