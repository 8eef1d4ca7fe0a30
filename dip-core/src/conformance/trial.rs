//! One trial, and how it ended.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Why a trial did not pass.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

type Run = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send>> + Send>;

/// How a trial ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider does as the contract says.
    Passed,
    /// The provider does not offer this, or the server for it is not here; why.
    Ignored(String),
}

/// One trial: a sentence that must be true of the provider, and the code that tries it.
pub struct Trial {
    name: String,
    run: Run,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Trial {
    /// A trial by its sentence (`a_record_that_is_absent_is_removed_without_error`).
    pub fn new<F, R>(name: impl Into<String>, run: F) -> Self
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<Verdict, Failure>> + Send + 'static,
    {
        Self { name: name.into(), run: Box::new(move || Box::pin(run())) }
    }

    /// Puts the name of the server under trial before the sentence: `bind: a_record_...`.
    #[must_use]
    pub fn on(mut self, server: &str) -> Self {
        self.name = format!("{server}: {}", self.name);
        self
    }

    /// The sentence.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it.
    ///
    /// # Errors
    /// Where the provider does not do as the contract says.
    pub async fn run(self) -> Result<Verdict, Failure> {
        (self.run)().await
    }
}
