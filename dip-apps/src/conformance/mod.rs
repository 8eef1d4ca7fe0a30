//! The trials that every provider of this layer's traits must pass.

mod workload;

pub use workload::{WorkloadHarness, workload};
