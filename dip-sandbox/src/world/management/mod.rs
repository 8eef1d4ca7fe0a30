//! What a machine's management controller sees to beside power: settings, volumes, firmware, and the tasks in which it does so.
//!
//! What is asked for while the machine has no power, and all settings, wait for a reset and come true at the end of its
//! self-test. Power that is cut before that leaves them waiting.

mod controller;
mod job;
mod setup;
mod storage;

pub(crate) use controller::{Management, Moment};
#[cfg(feature = "models")]
pub(crate) use setup::registry;
