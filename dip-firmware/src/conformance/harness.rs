//! What a BMC under trial gives to the trials, and what the trials share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Identity, PowerState};
use dip_core::provider::{ErrorKind, Power, ProviderError, Retry, sentence};
use dip_core::secret::Secret;

use crate::provider::{Bmc, Hardware, SensorReading};

/// One BMC with its machine, and somebody with a hand on the cable.
#[async_trait]
pub trait BmcHarness: Send + Sync {
    /// The BMC under trial; each call may give another client of it.
    fn bmc(&self) -> Arc<dyn Bmc>;

    /// A client of the same BMC with a wrong password; `None` where the BMC asks for none.
    fn with_wrong_password(&self) -> Option<Arc<dyn Bmc>>;

    /// A client of a BMC that does not answer; `None` where there cannot be one.
    fn of_nobody(&self) -> Option<Arc<dyn Bmc>>;

    /// Who the machine really is.
    fn identity(&self) -> Identity;

    /// Switches the machine without the BMC, and returns when that has come true.
    async fn bring(&self, state: PowerState) -> Result<(), Failure>;

    /// How often the machine was started so far; `None` where nobody counts.
    async fn starts(&self) -> Option<usize>;

    /// A client of the same BMC for another of its users; `None` where there cannot be one.
    fn for_user(&self, _name: &str, _password: &Secret) -> Option<Arc<dyn Bmc>> {
        None
    }

    /// Sensors of the machine and what they really read, a few that stand still; empty where nobody knows.
    fn sensors(&self) -> Vec<SensorReading> {
        Vec::new()
    }

    /// Parts that the machine really has, all of a kind or `None`.
    fn hardware(&self) -> Hardware {
        Hardware::default()
    }

    /// Lets something happen that the BMC writes into its log; gives the subject, or `None` where nobody can.
    async fn provoke_event(&self) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// Whether the machine's serial port sends back what is typed.
    fn echoes(&self) -> bool {
        false
    }
}

/// A trial of one sentence.
pub(super) fn trial<F, R>(harness: &Arc<dyn BmcHarness>, name: &str, run: F) -> Trial
where
    F: FnOnce(Arc<dyn BmcHarness>) -> R + Send + 'static,
    R: Future<Output = Result<Verdict, Failure>> + Send + 'static,
{
    let harness = Arc::clone(harness);
    Trial::new(name, move || run(harness))
}

/// Passes where the condition holds, else fails with what was seen.
pub(super) fn expect(holds: bool, what: &str, seen: impl std::fmt::Debug) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("{what}; seen: {seen:?}").into()) }
}

/// Waits until the BMC tells the state. Chassis need some seconds.
pub(super) async fn settle(power: &dyn Power, wanted: PowerState) -> Result<(), Failure> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let started = Instant::now();
    loop {
        let state = power.state().await?;
        if state == wanted {
            return Ok(());
        }
        expect(started.elapsed() < PATIENCE, &format!("the power did not become {wanted}"), state)?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Passes where the call failed in this class and this retry class.
pub(super) fn expect_error<T: std::fmt::Debug>(
    result: Result<T, ProviderError>,
    kind: ErrorKind,
    retry: Retry,
) -> Result<(), Failure> {
    match result {
        Ok(answer) => Err(format!("it should be {kind}, and was answered: {answer:?}").into()),
        Err(error) if (error.kind(), error.retry()) == (kind, retry) => Ok(()),
        Err(error) => {
            Err(format!("it should be {kind}, {retry:?}, and is {:?}: {}", error.retry(), sentence(&error)).into())
        }
    }
}

/// The power of a BMC, or the reason why its trials are ignored.
pub(super) fn power(harness: &dyn BmcHarness) -> Result<Arc<dyn Power>, Verdict> {
    harness.bmc().power().ok_or_else(|| Verdict::Ignored("this BMC does not switch power".to_owned()))
}

/// A facet of the BMC, or the reason why its trials are ignored.
pub(super) fn facet<T: ?Sized>(facet: Option<Arc<T>>, what: &str) -> Result<Arc<T>, Verdict> {
    facet.ok_or_else(|| Verdict::Ignored(format!("this BMC does not offer {what}")))
}

/// Gives up a trial with its verdict where the BMC does not offer what it tries.
macro_rules! offered {
    ($facet:expr) => {
        match $facet {
            Ok(facet) => facet,
            Err(ignored) => return Ok(ignored),
        }
    };
}
pub(super) use offered;
