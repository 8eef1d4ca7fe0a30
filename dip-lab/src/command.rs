//! Runs a short command to its end and tells a failure as a sentence.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::LabError;
use crate::requirement::find_program;

/// No short command of the lab takes longer; a hanging one must not hang the test.
const LIMIT: Duration = Duration::from_secs(60);

/// A command whose program is also looked for outside of `PATH`.
pub(crate) fn command(program: &str) -> Command {
    match find_program(program) {
        Some(path) => Command::new(path),
        None => Command::new(program),
    }
}

/// Runs `program` and gives its standard output.
pub(crate) async fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Result<String, LabError> {
    let mut line = command(program);
    line.args(args);
    output(line).await
}

/// Runs a prepared command and gives its standard output.
pub(crate) async fn output(line: Command) -> Result<String, LabError> {
    output_within(LIMIT, line).await
}

/// The same for a command that takes longer than others.
pub(crate) async fn output_within(limit: Duration, mut line: Command) -> Result<String, LabError> {
    line.stdin(Stdio::null());
    let shown = shown(&line);
    let failed = |reason: String| LabError::Command { command: shown.clone(), reason };
    let run = tokio::process::Command::from(line).kill_on_drop(true).output();
    let done = tokio::time::timeout(limit, run)
        .await
        .map_err(|_| failed(format!("it still ran after {limit:?}")))?
        .map_err(|source| failed(source.to_string()))?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(text);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(failed(format!("{}: {} {}", done.status, text.trim(), said.trim())))
}

fn shown(line: &Command) -> String {
    let words = std::iter::once(line.get_program()).chain(line.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
