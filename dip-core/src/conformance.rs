//! Conformance: the trials that every provider of a trait must pass, as a list of data that any test runner can run.
//!
//! A layer's crate gives the list (`dip_opsmgmt::conformance::dns(harness)`); the sandbox, the real servers and a vendor's own
//! provider run the same one, so that none can drift from the others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use crate::provider::sentence;

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

/// Runs trials as a test program (`harness = false`) on a runtime that the caller keeps, one after the other, with the
/// usual command line of `cargo test`. An ignored trial says its
/// reason.
#[must_use]
pub fn run_as_tests(runtime: &tokio::runtime::Runtime, trials: Vec<Trial>) -> ExitCode {
    let arguments = libtest_mimic::Arguments { test_threads: Some(1), ..libtest_mimic::Arguments::from_args() };
    let handle = runtime.handle();
    let tests = trials
        .into_iter()
        .map(|trial| {
            let handle = handle.clone();
            libtest_mimic::Trial::ignorable_test(trial.name.clone(), move || match handle.block_on(trial.run()) {
                Ok(Verdict::Passed) => Ok(libtest_mimic::Completion::Completed),
                Ok(Verdict::Ignored(why)) => Ok(libtest_mimic::Completion::ignored_with(why)),
                Err(failure) => Err(sentence(&*failure).into()),
            })
        })
        .collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// The verdict on a trial whose server program is not installed: ignored with the reason on a user's machine, failed
/// where `CI` is set.
///
/// # Errors
/// Where `CI` is set.
pub fn not_installed(why: impl Into<String>) -> Result<Verdict, Failure> {
    let why = why.into();
    if std::env::var_os("CI").is_some() { Err(why.into()) } else { Ok(Verdict::Ignored(why)) }
}
