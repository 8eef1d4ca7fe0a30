//! DIP layer 1, shared infrastructure: the links between nodes.
//!
//! Steps:
//! * `network.set_port`: a switch port is as the site file wants it: its VLANs, MTU, description, link aggregation.
//! * `network.trace_cable`: the cable of an interface ends where the site file says, as far as LLDP tells.
//! * `network.save_switch`: a switch would start with the configuration that it runs.
//! * `network.reserve_address`: the site's DHCP server keeps the addresses of an interface for it.
//!
//! Providers, each behind a feature of its name: `openvswitch` ([`provider::Switch`], over OVSDB), `dnsmasq`
//! ([`provider::Dhcp`], through its directory of DHCP hosts), `kea` (the same, by its control socket or its database),
//! `isc-dhcpd` (the same, by OMAPI) and `snmp` ([`provider::Pdu`], by a map for each product).
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_network::NetworkLayer;
//! let operations = { let mut known = Default::default(); NetworkLayer.operations(&mut known); known };
//! assert!(operations.knows("network.set_port"));
//! ```

mod cabling;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod isc_dhcpd_settings;
mod kea_settings;
mod layer;
mod leftovers;
mod lldpcli;
mod mlag;
mod pdu_settings;
pub mod provider;
pub mod providers;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod settings;
pub mod steps;
#[cfg(test)]
mod testing;
mod wiring;

pub use layer::NetworkLayer;
