//! The line to a simulated server: it takes time, and it can be silent, slow, busy or refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::subject::Subject;

use crate::fault::{Fault, Hit};
use crate::world::World;

/// How long a request takes.
pub(crate) type Latency = (Duration, Duration);

/// A request in the machine room.
pub(crate) const QUICK: Latency = (Duration::from_millis(2), Duration::from_millis(30));
/// A request that a management controller works on.
pub(crate) const CONTROLLER: Latency = (Duration::from_millis(80), Duration::from_millis(900));
/// How long a client waits for somebody who does not answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// With what right, and to whom, a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// With the right credentials.
    #[default]
    Granted,
    /// With wrong credentials.
    WrongCredentials,
    /// To a server that is not there.
    DeadServer,
}

/// The line to one server.
#[derive(Debug)]
pub(crate) struct Line {
    world: Arc<World>,
    subject: Subject,
    /// The subject as the seed knows it.
    who: String,
    provider: &'static str,
    latency: Latency,
    access: Access,
    requests: AtomicU64,
}

/// Whether a request changes something at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Look,
    Change,
}

impl Line {
    pub(crate) fn new(
        world: &Arc<World>,
        subject: Subject,
        provider: &'static str,
        latency: Latency,
        access: Access,
    ) -> Self {
        let who = subject.to_string();
        Self { world: Arc::clone(world), subject, who, provider, latency, access, requests: AtomicU64::new(0) }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// An error of this server's provider.
    pub(crate) fn error(&self, kind: ErrorKind, action: impl Into<String>) -> ProviderError {
        ProviderError::new(kind, self.provider, action)
    }

    /// Nobody answered, after the time that a client waits.
    pub(crate) async fn no_answer(&self, action: &str, why: impl std::fmt::Display) -> ProviderError {
        self.world.time.sleep(PATIENCE).await;
        self.error(ErrorKind::Unreachable, action).because(format!(
            "{} did not answer within {} s: {why}",
            self.subject,
            PATIENCE.as_secs()
        ))
    }

    /// Lets one request take its time.
    pub(crate) async fn take_time(&self) {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        let takes = self.world.draw.span(&self.who, "request", count, self.latency);
        self.world.time.sleep(takes).await;
    }

    /// With what right it speaks.
    #[cfg(feature = "models")]
    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    /// Carries one request to the server: takes its time, and lets the faults of the server bite.
    pub(crate) async fn carry(&self, intent: Intent, action: &str) -> Result<(), ProviderError> {
        self.take_time().await;
        match self.access {
            Access::Granted => {}
            Access::WrongCredentials => return Err(self.denied(action)),
            Access::DeadServer => return Err(self.no_answer(action, "nothing listens there").await),
        }
        let slow = self.bite(|fault| matches!(fault, Fault::ServiceSlow { .. }));
        if let Some(Fault::ServiceSlow { by, .. }) = slow.map(|hit| hit.fault) {
            self.world.time.sleep(by).await;
        }
        if let Some(hit) = self.bite(|fault| matches!(fault, Fault::ServiceSilent { .. })) {
            return Err(self.no_answer(action, hit.fault).await);
        }
        if self.bite(|fault| matches!(fault, Fault::ServiceBusy { .. })).is_some() {
            return Err(self.error(ErrorKind::Busy, action).because("the server asks to come back later"));
        }
        let refuses = |fault: &Fault| intent == Intent::Change && matches!(fault, Fault::ServiceRefuses { .. });
        if self.bite(refuses).is_some() {
            return Err(self.denied(action));
        }
        Ok(())
    }

    /// Somebody else holds what would have to change; who, is told where a person reads it.
    pub(crate) fn conflict(&self, action: impl Into<String>, foreign: &impl std::fmt::Display) -> ProviderError {
        self.error(ErrorKind::Conflict, action).advise(format!("{foreign}; nothing was changed"))
    }

    fn denied(&self, action: &str) -> ProviderError {
        self.error(ErrorKind::Denied, action)
            .because("the server refused the request")
            .advise(format!("check the credentials for {} in the site file", self.subject))
    }

    /// Lets a fault of this server bite, and tells the log the first time.
    pub(crate) fn bite(&self, wanted: impl Fn(&Fault) -> bool) -> Option<Hit> {
        self.world.bite(&self.subject, wanted)
    }
}
