//! The trials that every provider of this layer's traits must pass: on real servers, on the simulated datacenter, and on a
//! vendor's own provider.
//!
//! A harness brings the provider and what only the server's side can do (a record made by hand); what a server does not have
//! is `None`, and its trials are then ignored with the reason.

mod alerts;
mod cmdb;
mod dns;
mod further;
mod monitor;

pub use alerts::{AlertsHarness, alerts};
pub use cmdb::{CmdbHarness, NativeNode, cmdb};
pub use dns::{DnsHarness, dns};
pub use monitor::{MonitorHarness, monitor};
