//! The `dip` command in the directory of a lab.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dip_lab::Layout;

/// What a story expected and did not find.
#[derive(Debug)]
pub(crate) struct Unexpected(String);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unexpected {}

impl From<dip_lab::LabError> for Unexpected {
    fn from(error: dip_lab::LabError) -> Self {
        Self::of(&error)
    }
}

impl From<std::io::Error> for Unexpected {
    fn from(error: std::io::Error) -> Self {
        Self::of(&error)
    }
}

impl Unexpected {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(text)
    }
}

pub(crate) type Told<T = ()> = Result<T, Unexpected>;

/// Fails the story where `truth` is false.
pub(crate) fn expect(truth: bool, otherwise: impl FnOnce() -> String) -> Told {
    if truth { Ok(()) } else { Err(Unexpected(otherwise())) }
}

/// The `dip` command with a lab's site file.
pub(crate) struct Dip {
    directory: PathBuf,
    pub(crate) site: PathBuf,
}

/// What a call of the command left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn expect_status(self, status: i32) -> Told<Self> {
        if self.status == Some(status) {
            return Ok(self);
        }
        Err(Unexpected(format!(
            "status {:?} instead of {status}\n--- out\n{}\n--- err\n{}",
            self.status, self.out, self.err
        )))
    }

    pub(crate) fn expect_text(self, part: &str) -> Told<Self> {
        if self.out.contains(part) || self.err.contains(part) {
            return Ok(self);
        }
        Err(Unexpected(format!("it does not say {part:?}\n--- out\n{}\n--- err\n{}", self.out, self.err)))
    }
}

impl Dip {
    pub(crate) fn of(layout: &Layout) -> Told<Self> {
        Ok(Self { directory: layout.dir.clone(), site: layout.write_site()? })
    }

    /// The command in a directory with a site file.
    pub(crate) fn at(directory: &Path, site: PathBuf) -> Self {
        Self { directory: directory.to_path_buf(), site }
    }

    fn line(&self, words: &[&str]) -> Command {
        let mut line = Command::new(env!("CARGO_BIN_EXE_dip"));
        line.args(words).current_dir(&self.directory).env_remove("DIP_JOURNAL").stdin(Stdio::null());
        line
    }

    pub(crate) fn run(&self, words: &[&str]) -> Told<Done> {
        let output = self.line(words).output()?;
        Ok(Done {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    pub(crate) fn spawn(&self, words: &[&str]) -> Told<Child> {
        Ok(self.line(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    pub(crate) fn site(&self) -> String {
        self.site.display().to_string()
    }

    /// How many records of a kind the only journal of the lab holds so far.
    pub(crate) fn records(&self, kind: &str) -> usize {
        let journals = std::fs::read_dir(self.directory.join(".dip/runs")).into_iter().flatten().flatten();
        let texts = journals.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        texts.map(|text| text.matches(&format!("\"event\":{{\"{kind}\":")).count()).sum()
    }
}
