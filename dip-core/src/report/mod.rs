//! The report: how a run ended, for people and for machines.

pub mod handoff;
mod outcome;
mod readiness;
mod summary;

pub use outcome::Outcome;
pub use readiness::{FactState, NodeReadiness, NotAsked, READINESS_VERSION, Readiness, ReadyFact, Unknown, Verdict};
pub use summary::{Report, StepReport};
