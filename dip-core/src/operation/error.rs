//! Why an operation could not look or act, and whether trying again can help.

use crate::fact::{FactKey, FactTypeError};
use crate::provider::{ErrorKind, MissingProvider, ProviderError, Retry};

/// An operation could not look or act.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// A server failed. Its error is the source, in which [`sentence`](crate::provider::sentence) finds the advice.
    #[error("{0}")]
    Provider(#[from] ProviderError),
    /// Nobody provides what the operation acts through.
    #[error(transparent)]
    Missing(#[from] MissingProvider),
    /// A fact that the operation reads is not known yet.
    #[error("fact {0} is not known yet")]
    FactUnknown(FactKey),
    /// A fact holds a value of another type.
    #[error(transparent)]
    FactType(#[from] FactTypeError),
    /// No layer in use has the operation.
    #[error("operation `{0}` is not known; the layer that brings it is not part of this program")]
    NotKnown(String),
    /// The stored input is not of the operation's type.
    #[error("the stored input of `{operation}` cannot be read; the plan may come from another version")]
    Input {
        /// The operation.
        operation: String,
        /// What is wrong with the input.
        source: serde_json::Error,
    },
    /// A program on the node refused.
    #[error("`{command}` failed on {node}: {output}")]
    Command {
        /// The command, without secrets.
        command: String,
        /// The node.
        node: String,
        /// Its exit status and its own words.
        output: String,
    },
    /// The attempt took too long.
    #[error("no answer within {0:?}")]
    Slow(std::time::Duration),
    /// It cannot be done, whoever tries: what, and what to do about it.
    #[error("{0}")]
    Impossible(String),
}

impl OperationError {
    /// Whether trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Provider(error) => error.retry(),
            Self::Slow(_) | Self::Command { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    /// Whether somebody else holds what would have to change: told apart from failure.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Provider(error) if error.kind() == ErrorKind::Conflict)
    }
}
