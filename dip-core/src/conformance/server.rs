//! Trials of a server that is started for them.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use super::{Failure, Trial, not_installed};

/// A list of trials by the names of the functions that try what was started.
#[macro_export]
macro_rules! trials_of {
    ($rig:expr; $($name:ident)*) => {
        vec![$({
            let rig = std::sync::Arc::clone(&$rig);
            $crate::conformance::Trial::new(stringify!($name), move || async move {
                $name(&rig).await.map(|()| $crate::conformance::Verdict::Passed)
            })
        }),*]
    };
}
pub use crate::trials_of;

/// The trials of what was started, each with the name of the server before its sentence. A server that is not installed, or
/// does not start, is one trial that says so; nothing is started where it is not installed.
pub async fn on_server<R>(
    server: &str,
    installed: Result<(), impl Display>,
    start: impl Future<Output = Result<R, Failure>>,
    trials: impl FnOnce(Arc<R>) -> Vec<Trial>,
) -> Vec<Trial> {
    let trials = match installed.map_err(|missing| missing.to_string()) {
        Err(why) => vec![Trial::new("all_trials", move || async move { not_installed(why) })],
        Ok(()) => match start.await {
            Ok(started) => trials(Arc::new(started)),
            Err(failure) => vec![Trial::new("it_starts", move || async move { Err(failure) })],
        },
    };
    trials.into_iter().map(|trial| trial.on(server)).collect()
}
