//! The log of the simulation: which faults were set, when they bit and whom.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

/// Something that the simulation did on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When, since the simulation started.
    pub at: Duration,
    /// To whom.
    pub subject: Subject,
    /// Whether it was set or took effect.
    pub phase: Phase,
    /// What, as a sentence fragment: "the BMC is silent for 40 s".
    pub text: String,
}

/// The two moments of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Somebody set it; it has had no effect yet.
    Injected,
    /// It took effect: a call failed, or a machine stopped, because of it.
    Bit,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Injected => "fault set",
            Phase::Bit => "fault hit",
        };
        write!(f, "{:>7.1}s {phase}: {}: {}", self.at.as_secs_f64(), self.subject, self.text)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Incident>>);

impl Log {
    pub(crate) fn tell(&self, at: Duration, subject: &Subject, phase: Phase, text: impl Into<String>) {
        let incident = Incident { at, subject: subject.clone(), phase, text: text.into() };
        tracing::info!(subject = %incident.subject, text = %incident.text, "sandbox incident");
        self.0.lock().expect("no holder of the log's lock panics").push(incident);
    }

    pub(crate) fn read(&self) -> Vec<Incident> {
        self.0.lock().expect("no holder of the log's lock panics").clone()
    }
}
