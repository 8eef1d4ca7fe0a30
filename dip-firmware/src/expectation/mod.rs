//! The hardware that a site expects, against what was found.

mod found;
mod settings;

pub use found::{Shortfall, shortfalls};
pub use settings::{ExpectedDisks, ExpectedHardware, ExpectedMemory, ExpectedPart, ExpectedProcessors, WhenMissing};

pub(crate) use settings::shape;
