//! The trials that every provider of [`dip_core::provider::Host`] must pass: nodes over SSH, the sandbox, a vendor's own.

mod host;

pub use host::{HostHarness, host};
