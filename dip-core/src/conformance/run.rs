//! Runs trials, and says what it means where a server program is missing.

use std::process::ExitCode;

use super::{Failure, Trial, Verdict};
use crate::provider::sentence;

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
            libtest_mimic::Trial::ignorable_test(trial.name().to_owned(), move || match handle.block_on(trial.run()) {
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
