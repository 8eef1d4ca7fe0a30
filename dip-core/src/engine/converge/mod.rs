//! Converge: draft, survey, plan and run, again until nothing is left; bounded, and never the same thing for ever.

mod end;
mod memory;
mod notes;
mod repair;
mod rhythm;
mod rounds;

pub use end::{ConvergeEnd, Converged, LeftOut, WhyLeft};
pub use repair::Repair;
pub use rhythm::Rhythm;
pub use rounds::{Converge, Round};
