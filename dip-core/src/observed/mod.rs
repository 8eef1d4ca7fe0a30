//! What was seen, and when: dated results of read-only operations, never mixed with wishes.

mod reading;
mod survey;

pub use reading::{Observed, Reading};
pub use survey::Survey;
