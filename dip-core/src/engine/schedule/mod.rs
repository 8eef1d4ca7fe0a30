//! The schedule: which step starts when. Pure: no clock, no runtime, no I/O; the same records always lead to the same state.
//!
//! | file | what it decides |
//! |---|---|
//! | `decide` | what starts now, and what a record changes |
//! | `replay` | what a run that is taken over begins with |
//! | `failure` | what a failure blocks, and what a retry or a skip sets free |
//! | `order` | what a command of a person or a program changes |
//! | `disruption` | budgets, health gates: who may be taken away now |
//! | `waited` | what steps waited for, and how long |
//! | `status` | where a step stands, and why it does not go on |

mod action;
mod decide;
mod disruption;
mod failure;
mod order;
mod phase;
mod replay;
mod status;
mod waited;

pub use action::{Action, Look, Start};
pub use decide::Schedule;
pub use order::Refusal;
pub use waited::Bound;
