//! What trials expect, said in sentences where it does not come.

use std::fmt::Debug;
use std::future::Future;

use super::{Failure, Verdict};
use crate::id::SiteName;
use crate::provider::{ErrorKind, ProviderError, Retry, sentence};

/// A list of trials by the names of the functions that try them.
#[macro_export]
macro_rules! trials {
    ($harness:expr; $($name:ident)*) => {
        vec![$({
            let harness = std::sync::Arc::clone(&$harness);
            $crate::conformance::Trial::new(stringify!($name), move || $name(harness))
        }),*]
    };
}
pub use crate::trials;

/// The site on whose behalf the trials act.
#[must_use]
pub fn us() -> SiteName {
    SiteName::new("conformance").expect("a plain word is a name")
}

/// Another site.
#[must_use]
pub fn them() -> SiteName {
    SiteName::new("elsewhere").expect("a plain word is a name")
}

/// What was found must be what is wanted.
///
/// # Errors
/// Where it is not.
pub fn same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?} and should be {wanted:?}").into()) }
}

/// The call must fail with this kind, and with the retry that goes with it.
///
/// # Errors
/// Where it does not.
pub fn fails<T: Debug>(what: &str, result: Result<T, ProviderError>, kind: ErrorKind) -> Result<(), Failure> {
    let retry = match kind {
        ErrorKind::Unreachable | ErrorKind::Busy => Retry::Backoff,
        _ => Retry::Never,
    };
    match result {
        Ok(value) => Err(format!("{what} gave {value:?} and should have failed as {kind}").into()),
        Err(error) if error.kind() != kind => {
            Err(format!("{what} failed and should have failed as {kind}: {}", sentence(&error)).into())
        }
        Err(error) if error.retry() != retry => {
            Err(format!("{what} failed as {kind} with {:?} and should have with {retry:?}", error.retry()).into())
        }
        Err(_) => Ok(()),
    }
}

/// The call must fail with this kind and say these words.
///
/// # Errors
/// Where it does not.
pub fn refused<T: Debug>(result: Result<T, ProviderError>, kind: ErrorKind, words: &str) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == kind && sentence(&error).contains(words) => Ok(()),
        Err(error) => Err(format!("it should fail as {kind} with `{words}`: {}", sentence(&error)).into()),
        Ok(value) => Err(format!("it should fail as {kind} with `{words}` and gave {value:?}").into()),
    }
}

/// The verdict on a trial that the harness cannot set up.
///
/// # Errors
/// Never; it ends a trial, which may.
pub fn ignored(why: &str) -> Result<Verdict, Failure> {
    Ok(Verdict::Ignored(why.to_owned()))
}

/// Starts a call and drops it soon after, as an abandoned run does.
pub async fn cancelled(call: impl Future) {
    tokio::select! {
        biased;
        _ = call => {}
        () = tokio::task::yield_now() => {}
    }
}
