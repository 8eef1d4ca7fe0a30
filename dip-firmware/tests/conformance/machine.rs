//! A machine of the lab that counts how often it is started, and a BMC harness over it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::hardware::{Identity, PowerState};
use dip_firmware::conformance::BmcHarness;
use dip_firmware::provider::Bmc;
use dip_lab::{LabError, NodeDirectory};

/// It ends when it is asked to, starts quickly, and keeps its path in its command line: by that it is known when its plug is
/// pulled, so that no trial leaves a machine running.
const SCRIPT: &str = "#!/bin/sh\necho started >>\"$(dirname \"$0\")/starts\"\nexec tail -n 0 -f \"$0\"\n";

/// A machine whose power is a process.
#[derive(Debug, Clone)]
pub(crate) struct Machine(pub(crate) NodeDirectory);

impl Machine {
    pub(crate) fn new(name: &str) -> Result<Self, LabError> {
        NodeDirectory::with_script(name, SCRIPT).map(Self)
    }

    pub(crate) fn starts(&self) -> usize {
        std::fs::read_to_string(self.0.dir().join("starts")).map_or(0, |text| text.lines().count())
    }

    pub(crate) fn is(&self, state: PowerState) -> bool {
        (self.0.power() == dip_lab::PowerState::On) == (state == PowerState::On)
    }

    /// Switches it by hand, and waits until it is so and its start is counted.
    pub(crate) async fn bring(&self, state: PowerState) -> Result<(), Failure> {
        if self.is(state) {
            return Ok(());
        }
        let starts = self.starts();
        match state {
            PowerState::On => self.0.switch_on().await?,
            PowerState::Off => self.0.switch_off().await?,
        }
        for _ in 0..100 {
            if self.is(state) && (state == PowerState::Off || self.starts() > starts) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("the machine did not become {state}").into())
    }
}

/// A BMC of the lab. `_keep` holds its servers.
pub(crate) struct LabBmc {
    pub(crate) machine: Machine,
    pub(crate) bmc: Arc<dyn Bmc>,
    pub(crate) with_wrong_password: Arc<dyn Bmc>,
    pub(crate) of_nobody: Arc<dyn Bmc>,
    pub(crate) identity: Identity,
    pub(crate) _keep: Box<dyn Send + Sync>,
}

#[async_trait]
impl BmcHarness for LabBmc {
    fn bmc(&self) -> Arc<dyn Bmc> {
        Arc::clone(&self.bmc)
    }

    fn with_wrong_password(&self) -> Option<Arc<dyn Bmc>> {
        Some(Arc::clone(&self.with_wrong_password))
    }

    fn of_nobody(&self) -> Option<Arc<dyn Bmc>> {
        Some(Arc::clone(&self.of_nobody))
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn bring(&self, state: PowerState) -> Result<(), Failure> {
        self.machine.bring(state).await
    }

    async fn starts(&self) -> Option<usize> {
        // A process that was just started counts itself a moment later.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Some(self.machine.starts())
    }
}

/// The trials on a server, or one that says why they cannot run.
pub(crate) fn trials_on<T>(
    server: &str,
    started: Result<T, LabError>,
    trials: impl FnOnce(T) -> Vec<Trial>,
) -> Vec<Trial> {
    let trials = match started {
        Ok(started) => trials(started),
        Err(LabError::Missing(missing)) => {
            vec![Trial::new("the_server_is_installed", move || async move { not_installed(missing.to_string()) })]
        }
        Err(error) => vec![Trial::new("the_server_starts", move || async move { Err(error.into()) })],
    };
    trials.into_iter().map(|trial| trial.on(server)).collect()
}

/// Fails where the condition does not hold.
pub(crate) fn expect(holds: bool, what: &str, seen: impl std::fmt::Debug) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("{what}; seen: {seen:?}").into()) }
}

/// A trial on a thread of its own: futures that hold async closures cannot be shown to be `Send`.
pub(crate) fn on_a_thread<F, R>(name: &str, story: F) -> Trial
where
    F: FnOnce() -> R + Send + 'static,
    R: Future<Output = Result<Verdict, Failure>>,
{
    Trial::new(name, move || async move {
        tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(story())).await?
    })
}
