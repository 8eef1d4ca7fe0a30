//! How the steps of this layer act on a node.

use std::sync::Arc;

use dip_core::id::NodeName;
use dip_core::operation::{Context, Diff, OperationError};
use dip_core::provider::{Command, FileContent, Host, Output};
use dip_core::subject::Subject;

/// The node's running system, with its name for messages.
pub(crate) struct Node {
    name: NodeName,
    host: Arc<dyn Host>,
}

impl Node {
    pub(crate) fn of(cx: &Context<'_>, name: &NodeName) -> Result<Self, OperationError> {
        Ok(Self { name: name.clone(), host: cx.provider::<dyn Host>(&Subject::node(name))? })
    }

    pub(crate) fn name(&self) -> &NodeName {
        &self.name
    }

    /// The text of a file; `None` where there is none.
    pub(crate) async fn text(&self, path: &str) -> Result<Option<String>, OperationError> {
        Ok(self.host.read(path).await?.map(|content| String::from_utf8_lossy(&content.bytes).into_owned()))
    }

    /// Runs a command, whatever its end.
    pub(crate) async fn run(&self, command: &Command) -> Result<Output, OperationError> {
        Ok(self.host.run(command).await?)
    }

    /// Runs a command that must end with status 0.
    pub(crate) async fn succeed(&self, command: &Command) -> Result<(), OperationError> {
        let output = self.host.run(command).await?;
        if output.succeeded() {
            return Ok(());
        }
        Err(self.refused(command, &output))
    }

    /// The failure of a command in the command's own words.
    pub(crate) fn refused(&self, command: &Command, output: &Output) -> OperationError {
        let words = match output.error_text() {
            words if words.is_empty() => output.text(),
            words => words,
        };
        let status = output.status.map_or("ended by a signal".to_owned(), |status| format!("status {status}"));
        let command = std::iter::once(command.program()).chain(command.arguments().iter().map(String::as_str));
        OperationError::Command {
            command: command.collect::<Vec<_>>().join(" "),
            node: self.name.to_string(),
            output: if words.is_empty() { status } else { format!("{status}: {}", words.replace('\n', "; ")) },
        }
    }

    /// Whether the system is still starting, so that what is enabled may come by itself (`systemctl is-system-running`).
    pub(crate) async fn is_starting(&self) -> Result<bool, OperationError> {
        let output = self.run(&Command::new("systemctl").arg("is-system-running")).await?;
        Ok(matches!(output.text().as_str(), "initializing" | "starting"))
    }

    /// Adds to a diff whether a configuration file says what it should; `None` where it should not be there.
    pub(crate) async fn diff_file(&self, diff: Diff, path: &str, wanted: Option<&str>) -> Result<Diff, OperationError> {
        let now = self.host.read(path).await?;
        Ok(match (now, wanted) {
            (Some(now), Some(wanted)) if now.bytes == wanted.as_bytes() => diff,
            (Some(_), Some(_)) => diff.and(path, Some("other settings"), Some("these settings")),
            (Some(_), None) => diff.and(path, Some("there"), None::<&str>),
            (None, Some(_)) => diff.and(path, None::<&str>, Some("these settings")),
            (None, None) => diff,
        })
    }

    /// Makes a configuration file say what it should, or removes it.
    pub(crate) async fn put_file(&self, path: &str, wanted: Option<&str>) -> Result<(), OperationError> {
        match wanted {
            Some(text) => self.host.write(path, &FileContent { bytes: text.into(), mode: 0o644 }).await?,
            None => self.host.remove(path).await?,
        }
        Ok(())
    }
}
