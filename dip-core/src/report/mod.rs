//! The report: how a run ended, for people and for machines.

mod outcome;
mod summary;

pub use outcome::Outcome;
pub use summary::{Report, StepReport};
