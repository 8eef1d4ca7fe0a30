//! The trials that every provider of this layer's traits must pass: on real servers, on the simulated datacenter, and on a
//! vendor's own provider.
//!
//! A harness brings the provider and what only the server's side can do (a port made by hand, an entry without a mark);
//! what a server does not have is `None`, and its trials are then ignored with the reason.

mod abilities;
mod dhcp;
mod dhcp_at_once;
mod dhcp_boot;
mod mains;
mod pdu;
mod switch;

pub use dhcp::{DhcpClients, DhcpHarness, dhcp};
pub use dhcp_boot::{trial_boot_files, trial_boot_files6};
pub use dip_core::conformance::{IpamHarness, ipam};
pub use mains::{MainsHarness, mains};
pub use pdu::{PduConsumers, PduHarness, pdu};
pub use switch::{SwitchHarness, switch};
