//! Faults: what goes wrong in the simulated datacenter, on purpose and repeatably.

mod board;
mod kind;
mod random;

pub(crate) use board::{Board, Hit};
pub use kind::Fault;
pub use random::Faults;
