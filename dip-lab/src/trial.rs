//! A trial that says *ignored, reason* where the machine lacks a server, and fails on a build server.

use std::future::Future;

use libtest_mimic::{Completion, Failed, Trial};

use crate::requirement::{Requirement, is_build_server};

/// Makes a trial which runs on a runtime of its own.
///
/// If something of `needs` is missing, the trial is ignored with the reason; with `CI=true` in the
/// environment it fails instead, because there all servers must be there.
pub fn trial<F, T, E>(name: &str, needs: &'static [Requirement], test: F) -> Trial
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = Result<(), E>>,
    E: std::error::Error + 'static,
{
    Trial::ignorable_test(name, move || {
        if let Err(missing) = Requirement::check_all(needs) {
            return match is_build_server() {
                true => Err(Failed::from(missing)),
                false => Ok(Completion::ignored_with(missing.to_string())),
            };
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(test()).map_err(|error| Failed::from(chain(&error)))?;
        Ok(Completion::Completed)
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
