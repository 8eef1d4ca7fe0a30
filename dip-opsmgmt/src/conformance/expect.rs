//! What trials expect, said in sentences where it does not come.

use std::fmt::Debug;
use std::future::Future;

use dip_core::conformance::{Failure, Verdict};
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError, Retry, sentence};

/// A list of trials by the names of the functions that try them.
macro_rules! trials {
    ($harness:expr; $($name:ident)*) => {
        vec![$({
            let harness = std::sync::Arc::clone(&$harness);
            dip_core::conformance::Trial::new(stringify!($name), move || $name(harness))
        }),*]
    };
}
pub(super) use trials;

/// The site on whose behalf the trials act.
pub(super) fn us() -> SiteName {
    SiteName::new("conformance").expect("a plain word is a name")
}

/// Another site.
pub(super) fn them() -> SiteName {
    SiteName::new("elsewhere").expect("a plain word is a name")
}

/// What was found must be what is wanted.
pub(super) fn same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?} and should be {wanted:?}").into()) }
}

/// The call must fail with this kind, and with the retry that goes with it.
pub(super) fn fails<T: Debug>(what: &str, result: Result<T, ProviderError>, kind: ErrorKind) -> Result<(), Failure> {
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

/// A trial that the harness cannot set up.
pub(super) fn ignored(why: &str) -> Result<Verdict, Failure> {
    Ok(Verdict::Ignored(why.to_owned()))
}

/// Starts a call and drops it soon after, as an abandoned run does.
pub(super) async fn cancelled(call: impl Future) {
    tokio::select! {
        biased;
        _ = call => {}
        () = tokio::task::yield_now() => {}
    }
}
