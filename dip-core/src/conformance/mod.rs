//! Conformance: the trials that every provider of a trait must pass, as a list of data that any test runner can run.
//!
//! A layer's crate gives the list (`dip_opsmgmt::conformance::dns(harness)`); the sandbox, the real servers and a vendor's own
//! provider run the same one, so that none can drift from the others. Those of traits that several layers act through stand here.

pub mod expect;
mod ipam;
mod pool;
mod run;
mod server;
mod trial;

pub use ipam::{IpamHarness, ipam};
pub use pool::{PoolHarness, pool};
pub use run::{not_installed, run_as_tests};
pub use server::{on_server, trials_of};
pub use trial::{Failure, Trial, Verdict};
