//! What was seen, and when: dated results of read-only operations, never mixed with wishes.

mod reading;
mod survey;

pub use reading::{CallMark, Observed, Reading};
pub use survey::Survey;
