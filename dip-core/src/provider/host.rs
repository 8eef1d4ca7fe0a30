//! A node's running system: run a command, read and write a file. Several layers act through it.

use async_trait::async_trait;

use super::ProviderError;

/// A command and its arguments, passed as they are: no shell takes them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    input: Option<Vec<u8>>,
}

impl Command {
    /// A program by its name or path.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), input: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Gives the command bytes on its standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The arguments.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The bytes for its standard input.
    #[must_use]
    pub fn standard_input(&self) -> Option<&[u8]> {
        self.input.as_deref()
    }
}

/// What a command left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it ended with status 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }

    /// Standard output as text, without the white space at its end; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// Standard error as text, without the white space at its end; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_owned()
    }
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// All of its bytes.
    pub bytes: Vec<u8>,
    /// Its permission bits, for example `0o644`.
    pub mode: u32,
}

/// A node's running system.
///
/// # Contract
/// * `run` returns the output of a command that ended, whatever its status; an error means that it is not known whether it ran.
/// * `read` of a file that does not exist is `Ok(None)`.
/// * `write` replaces a file whole (a reader sees the old or the new one, never a part) and makes missing parent directories.
/// * `remove` of a file that does not exist is `Ok(())`.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Host: Send + Sync {
    /// Runs a command as the user that administers the node, and waits for its end.
    async fn run(&self, command: &Command) -> Result<Output, ProviderError>;

    /// Reads a file.
    async fn read(&self, path: &str) -> Result<Option<FileContent>, ProviderError>;

    /// Writes a file.
    async fn write(&self, path: &str, content: &FileContent) -> Result<(), ProviderError>;

    /// Removes a file.
    async fn remove(&self, path: &str) -> Result<(), ProviderError>;
}
