//! For the tests of steps: a step among providers that the test chooses, without a plan or an engine.

mod bench;
mod host;

pub use bench::{Bench, assignment};
pub use host::{FakeHost, HostBench};
