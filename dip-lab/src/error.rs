//! What can go wrong while a lab is built, in sentences.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// A program or permission that this machine lacks; the test that needs it is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: {advice}")]
pub struct Missing {
    /// What is missing: "`named` (package bind9) is not installed".
    pub what: String,
    /// What to do about it: "run `cargo xtask setup`".
    pub advice: &'static str,
}

/// Why a server of the lab could not be started or asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// The machine lacks something.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A file could not be written, read or removed.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried, as a verb: "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A command could not be run or ended with a failure.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status and the end of what it said.
        reason: String,
    },
    /// A server ended before it was ready.
    #[error("{server} ended while it started; the end of its log ({}):\n{tail}", log.display())]
    Ended {
        /// The server.
        server: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A server did not get ready in time.
    #[error("{server} was not ready after {waited:?}; the end of its log ({}):\n{tail}", log.display())]
    NotReady {
        /// The server.
        server: String,
        /// How long it was waited for.
        waited: Duration,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A server answered something that cannot be understood.
    #[error("{server} answered unexpectedly: {answer}")]
    Answer {
        /// Who answered.
        server: String,
        /// What it said.
        answer: String,
    },
    /// All lab networks 10.93.0.0/24 to 10.93.254.0/24 are taken.
    #[error("no lab network is free in 10.93.0.0/16: look at `ip netns list` and take the labs down that are not used")]
    NoSubnet,
    /// There is no lab in the directory.
    #[error("no lab is up in {}: start one with `cargo xtask lab up`", path.display())]
    NoLab {
        /// Where its state would be.
        path: PathBuf,
    },
    /// A lab is up in the directory already.
    #[error("a lab is already up in {}: take it down with `cargo xtask lab down`", path.display())]
    AlreadyUp {
        /// Where its state is.
        path: PathBuf,
    },
}

impl LabError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }

    pub(crate) fn answer(server: impl Into<String>, answer: impl Into<String>) -> Self {
        Self::Answer { server: server.into(), answer: answer.into() }
    }
}
