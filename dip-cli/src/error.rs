//! Why the command could not do what it was asked, and the exit status that says so.

use std::path::PathBuf;

use dip::core::engine::EngineError;
use dip::core::explain::NoSuchThing;
use dip::core::guard::{ConsentError, PaperError, Refusals};
use dip::core::journal::JournalError;
use dip::core::layer::ConnectError;
use dip::core::operation::OperationError;
use dip::core::plan::{NoSuchStep, PlanError, Stale};
use dip::core::provider::{ProviderError, sentence};
use dip::core::site::{ClaimsError, Faults, LockError};

/// The command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The site file is wrong.
    #[error("{faults}\n\n{} in {}", count(.faults), .file.display())]
    Site { file: PathBuf, faults: Faults },
    /// There is no plan for the site.
    #[error("there is no plan for this site:\n{0}")]
    Plan(#[from] PlanError),
    /// Providers cannot be made.
    #[error("the services of this site cannot be used:\n{}", lines(.0))]
    Connect(Vec<ConnectError>),
    /// The CMDB that a site takes its nodes from cannot be read.
    #[error("the nodes of this site cannot be read: {}", sentence(.0))]
    Inventory(ProviderError),
    /// The run could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Guards refuse the plan.
    #[error(transparent)]
    Refused(#[from] Refusals),
    /// The plan is no longer what would be planned.
    #[error(transparent)]
    Stale(#[from] Box<Stale>),
    /// A consent or an approval cannot be read or written.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// A consent cannot be given so.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// A journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The lock file cannot be written.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The claims cannot be written.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// A server cannot be asked about a record.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The question fits nothing.
    #[error(transparent)]
    NoSuchStep(#[from] NoSuchStep),
    /// Nothing at the site has that name.
    #[error(transparent)]
    NoSuchThing(#[from] NoSuchThing),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read or written.
    #[error("{path} cannot be {action}")]
    File { path: PathBuf, action: &'static str, source: std::io::Error },
    /// A plan file is wrong.
    #[error("{path} is not a plan that this dip can apply")]
    PlanFile { path: PathBuf, source: serde_json::Error },
    /// A BMC refused, or broke off.
    #[error("{0}")]
    Bmc(String),
    /// Nobody reads our output any more.
    #[error("the output was closed")]
    ClosedPipe,
    /// Our output cannot be written.
    #[error("the output cannot be written")]
    Output(#[source] std::io::Error),
    /// The runtime cannot be made.
    #[error("the program cannot start its workers")]
    Runtime(#[source] std::io::Error),
}

fn count(faults: &Faults) -> String {
    let Faults(faults) = faults;
    format!("{} fault{}", faults.len(), if faults.len() == 1 { "" } else { "s" })
}

/// Each reason once, with the first that it holds for: a password that is missing is missed by a hundred nodes. In the order of the site
/// file, in which they are mended.
fn lines(errors: &[ConnectError]) -> String {
    let mut reasons: Vec<(String, &ConnectError, usize)> = Vec::new();
    for error in errors {
        let why = sentence(&error.why);
        match reasons.iter_mut().find(|(known, _, _)| *known == why) {
            Some((_, _, more)) => *more += 1,
            None => reasons.push((why, error, 0)),
        }
    }
    reasons.sort_by_key(|(_, error, _)| error.origin.as_ref().map(|origin| (&origin.file, origin.line)));
    let reasons = reasons.into_iter().map(|(why, ConnectError { user, origin, .. }, more)| {
        let place = origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default();
        match more {
            0 => format!("  {place}{user}: {why}"),
            more => format!("  {place}{user} and {more} more: {why}"),
        }
    });
    reasons.collect::<Vec<_>>().join("\n")
}

impl CliError {
    /// 1 where a run could not go on, 2 where the input is wrong.
    pub(crate) const fn exit_status(&self) -> u8 {
        match self {
            Self::Engine(EngineError::Refused(_) | EngineError::Denied(_)) => 2,
            Self::Bmc(_)
            | Self::Claims(_)
            | Self::Inventory(_)
            | Self::Operation(_)
            | Self::Engine(_)
            | Self::Journal(_)
            | Self::Lock(_)
            | Self::Output(_)
            | Self::Runtime(_) => 1,
            Self::Site { .. }
            | Self::Plan(_)
            | Self::Connect(_)
            | Self::NoSuchStep(_)
            | Self::NoSuchThing(_)
            | Self::Refused(_)
            | Self::Stale(_)
            | Self::Paper(_)
            | Self::Consent(_)
            | Self::Usage(_)
            | Self::File { .. }
            | Self::PlanFile { .. } => 2,
            Self::ClosedPipe => 0,
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::ClosedPipe } else { Self::Output(error) }
    }
}
