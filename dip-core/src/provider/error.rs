//! What can go wrong between dip and a server, in words that the engine can act on.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The class of a provider's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The server is there and asks to come back later.
    Busy,
    /// Somebody else holds what we would change; it was left alone.
    Conflict,
    /// Wrong credentials or not allowed.
    Denied,
    /// The request itself is wrong; asking again cannot help.
    Invalid,
    /// What we asked about does not exist.
    NotFound,
    /// The server answered something that its protocol does not allow.
    Unexpected,
    /// No answer.
    Unreachable,
    /// The server does not offer this.
    Unsupported,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::NotFound => "not found",
            Self::Unexpected => "unexpected answer",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "unsupported",
        })
    }
}

/// Whether trying again can help, set where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// After the time that the server asked for.
    After(Duration),
    /// Yes, with growing pauses.
    Backoff,
    /// No: somebody has to change something first.
    Never,
}

/// A provider's failure: what it did, to whom, what came of it, and whether to try again.
#[derive(Debug, Clone)]
pub struct ProviderError {
    kind: ErrorKind,
    retry: Retry,
    provider: &'static str,
    action: String,
    advice: Option<String>,
    /// Shared, since many callers may have waited for one message.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl ProviderError {
    /// A failure of `provider` (`bind`, `ipmi`) in `action` ("set the power of 10.0.9.3"), with the usual retry for its kind:
    /// backoff for `Busy` and `Unreachable`, never for all others.
    #[must_use]
    pub fn new(kind: ErrorKind, provider: &'static str, action: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::Busy | ErrorKind::Unreachable => Retry::Backoff,
            _ => Retry::Never,
        };
        Self { kind, retry, provider, action: action.into(), advice: None, source: None }
    }

    /// Sets what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Says what to do about it, as a sentence fragment: "check the key `dip` in named.conf".
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Sets another retry class than the usual one.
    #[must_use]
    pub const fn retry_as(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The class of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether trying again can help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// What to do about it, where the provider knows.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not {}: {}", self.provider, self.action, self.kind)?;
        match &self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl StdError for ProviderError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// An error and all its sources as one sentence: `a: b: c`. What a provider advises comes after what caused its failure: `a: b; advice`.
#[must_use]
pub fn sentence(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut advice = Vec::new();
    let mut next = Some(error);
    while let Some(part) = next {
        let words = part.to_string();
        // Some libraries repeat their source in their own text; a reader needs it once.
        if !text.contains(&words) {
            let colon = if text.is_empty() { "" } else { ": " };
            text.push_str(colon);
            text.push_str(&words);
        }
        if let Some(of_this) = part.downcast_ref::<ProviderError>().and_then(ProviderError::advice)
            && let Some(without) = text.strip_suffix(of_this).and_then(|text| text.strip_suffix("; "))
        {
            text.truncate(without.len());
            advice.push(of_this);
        }
        next = part.source();
    }
    // The nearest to the cause first.
    for of_one in advice.into_iter().rev() {
        text.push_str("; ");
        text.push_str(of_one);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::OperationError;

    fn refused() -> ProviderError {
        ProviderError::new(ErrorKind::Unreachable, "bind", "look up n1").because("connection refused")
    }

    #[test]
    fn what_to_do_is_told_after_what_happened() {
        let error = refused().advise("does a server listen there?");
        let told = "bind could not look up n1: unreachable: connection refused; does a server listen there?";
        assert_eq!(sentence(&error), told);
        assert_eq!(sentence(&OperationError::from(error)), told);
        assert_eq!(sentence(&refused()), "bind could not look up n1: unreachable: connection refused");
    }

    #[test]
    fn no_cause_is_told_twice_and_none_is_lost() {
        let inner = refused().advise("start it");
        let outer = ProviderError::new(ErrorKind::Unreachable, "names", "make n1 known").because(inner).advise("wait");
        assert_eq!(
            sentence(&outer),
            "names could not make n1 known: unreachable: bind could not look up n1: unreachable: connection refused; \
             start it; wait"
        );
    }
}
