//! What was seen, and when: dated results of read-only operations, never mixed with wishes.

mod reading;

pub use reading::{Observed, Reading};
