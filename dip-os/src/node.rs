//! How the steps of this layer act on a node.

use std::sync::Arc;

use dip_core::id::NodeName;
use dip_core::operation::{Context, OperationError};
use dip_core::provider::{Command, Host, Output};
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

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// The text of a file without white space at its end; empty where there is none.
    pub(crate) async fn text(&self, path: &str) -> Result<Option<String>, OperationError> {
        let content = self.host.read(path).await?;
        Ok(content.map(|content| String::from_utf8_lossy(&content.bytes).trim_end().to_owned()))
    }

    /// Runs a command that must end with status 0.
    pub(crate) async fn succeed(&self, command: &Command) -> Result<Output, OperationError> {
        let output = self.host.run(command).await?;
        if output.succeeded() { Ok(output) } else { Err(self.refused(command, &output)) }
    }

    /// The failure of a command in the command's own words: the end of them, where programs say what went wrong.
    pub(crate) fn refused(&self, command: &Command, output: &Output) -> OperationError {
        let words = match output.error_text() {
            words if words.is_empty() => output.text(),
            words => words,
        };
        let lines: Vec<_> = words.lines().collect();
        let words = lines[lines.len().saturating_sub(LINES)..].join("; ");
        let status = output.status.map_or("ended by a signal".to_owned(), |status| format!("status {status}"));
        OperationError::Command {
            command: std::iter::once(command.program())
                .chain(command.arguments().iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(" "),
            node: self.name.to_string(),
            output: if words.is_empty() { status } else { format!("{status}: {words}") },
        }
    }
}

/// As many lines as a person reads in an error.
const LINES: usize = 6;
