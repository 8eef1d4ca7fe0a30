//! The providers of this layer: nodes over SSH.

#[cfg(feature = "ssh")]
pub mod ssh;
