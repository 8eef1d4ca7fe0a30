//! A node's running system over SSH.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError};
use tokio::sync::Mutex;
use tracing::debug;

use super::Target;
use super::connection::{Connection, Failed};
use super::script::{READ, WRITE, line, script};

/// A node's running system over SSH, by one connection that is made when it is first needed, shared by all commands, and
/// made again when it has ended (after a reboot, for example).
///
/// The user's login shell must be a POSIX shell, and `sh`, `env`, `cat`, `stat`, `mktemp`, `mv`, `chmod` and `dirname` must be
/// there. A written file belongs to the user that writes it; where there was a symbolic link, the file takes its place.
pub struct Ssh {
    target: Target,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssh").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Ssh {
    /// A node, not connected yet.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target, connection: Mutex::new(None) }
    }

    /// The connection that stands, or a new one.
    async fn connection(&self, action: &str) -> Result<Arc<Connection>, ProviderError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        *held = None;
        let connection = Arc::new(Connection::open(&self.target, action).await?);
        debug!(node = %self.target.node, address = %self.target.address, "connected");
        Ok(Arc::clone(held.insert(connection)))
    }

    /// Lets go of a connection that does not serve any more.
    async fn forget(&self, connection: &Arc<Connection>) {
        let mut held = self.connection.lock().await;
        if held.as_ref().is_some_and(|now| Arc::ptr_eq(now, connection)) {
            *held = None;
        }
    }

    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "ssh", server = %self.target.address, action))]
    async fn execute(&self, command: &Command, action: &str) -> Result<Output, ProviderError> {
        let fail = |kind| ProviderError::new(kind, "ssh", action);
        let line = line(command, self.target.elevation).ok_or_else(|| {
            fail(ErrorKind::Invalid).advise("an argument holds a NUL byte, which no program can be given")
        })?;
        let mut again = true;
        loop {
            let connection = self.connection(action).await?;
            match connection.run(&line, command.standard_input()).await {
                Ok(output) => return Ok(output),
                Err(Failed::Refused) => {
                    return Err(
                        fail(ErrorKind::Denied).advise(format!("{} runs no commands for this user", self.target))
                    );
                }
                Err(Failed::Busy(error)) => return Err(fail(ErrorKind::Busy).because(error)),
                Err(Failed::NotSent(error)) => {
                    self.forget(&connection).await;
                    if !std::mem::take(&mut again) {
                        return Err(fail(ErrorKind::Unreachable).because(error));
                    }
                }
                Err(Failed::Lost(why)) => {
                    self.forget(&connection).await;
                    return Err(fail(ErrorKind::Unreachable).because(why));
                }
            }
        }
    }

    /// Runs one of our own scripts, of which a failure is the failure of the call.
    async fn succeed(&self, command: &Command, action: &str) -> Result<Output, ProviderError> {
        let output = self.execute(command, action).await?;
        if output.succeeded() { Ok(output) } else { Err(self.refused(&output, action)) }
    }

    fn refused(&self, output: &Output, action: &str) -> ProviderError {
        let words = output.error_text();
        let kind = if words.contains("Permission denied") || words.contains("sudo:") {
            ErrorKind::Denied
        } else {
            ErrorKind::Invalid
        };
        ProviderError::new(kind, "ssh", action).because(words)
    }

    fn absolute(&self, path: &str, action: &str) -> Result<(), ProviderError> {
        if path.starts_with('/') && !path.ends_with('/') {
            return Ok(());
        }
        Err(ProviderError::new(ErrorKind::Invalid, "ssh", action)
            .advise("a file on a node is named by its absolute path"))
    }
}

#[async_trait]
impl Host for Ssh {
    async fn run(&self, command: &Command) -> Result<Output, ProviderError> {
        // Arguments stay out of messages: they may hold what others must not read.
        let action = format!("run `{}` on {}", command.program(), self.target.node);
        self.execute(command, &action).await
    }

    async fn read(&self, path: &str) -> Result<Option<FileContent>, ProviderError> {
        let action = format!("read {path} on {}", self.target.node);
        self.absolute(path, &action)?;
        let output = self.execute(&script(READ, [path]), &action).await?;
        if !output.succeeded() {
            let words = output.error_text();
            // "No such file" of dash, "No such file or directory" of bash; ENOTDIR where a parent is a file.
            let absent = words.contains("No such file") || words.contains("Not a directory");
            return if absent { Ok(None) } else { Err(self.refused(&output, &action)) };
        }
        let unexpected = || ProviderError::new(ErrorKind::Unexpected, "ssh", action.as_str());
        let end = output.stdout.iter().position(|byte| *byte == b'\n').ok_or_else(unexpected)?;
        let mode = std::str::from_utf8(&output.stdout[..end]).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let mut bytes = output.stdout;
        bytes.drain(..=end);
        Ok(Some(FileContent { bytes, mode: mode.ok_or_else(unexpected)? }))
    }

    async fn write(&self, path: &str, content: &FileContent) -> Result<(), ProviderError> {
        let action = format!("write {path} on {}", self.target.node);
        self.absolute(path, &action)?;
        let (mode, size) = (format!("{:o}", content.mode), content.bytes.len().to_string());
        let command = script(WRITE, [path, &mode, &size]).input(content.bytes.clone());
        self.succeed(&command, &action).await.map(drop)
    }

    async fn remove(&self, path: &str) -> Result<(), ProviderError> {
        let action = format!("remove {path} on {}", self.target.node);
        self.absolute(path, &action)?;
        let command = Command::new("env").args(["LC_ALL=C", "rm", "-f", "--", path]);
        self.succeed(&command, &action).await.map(drop)
    }
}
