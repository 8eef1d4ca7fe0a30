//! DIP layer 6, operations management: the records of a node in the services that people run a site with.
//!
//! Steps:
//! * `opsmgmt.register_name`: the node's names have its addresses in DNS, each address has its name, and further records are there.
//! * `opsmgmt.record_node`: the CMDB has the node's record.
//! * `opsmgmt.monitor_node`: the site's monitoring scrapes the node, and it is up.
//! * `opsmgmt.register_rules`: the site's monitoring raises alerts at the thresholds of the site's roles.
//!
//! Alerts that fire hold up rollouts (`opsmgmt.await_calm`, the check of a gate), and those of nodes that are disrupted are silenced.
//!
//! Every record carries the site as its owner. What carries another mark, or none, is never changed.
//!
//! Providers, each behind a feature of its name: `rfc2136`, `powerdns` and `dnsmasq-hosts` ([`provider::Dns`]), `directory`
//! ([`provider::Cmdb`]), `prometheus` ([`provider::Monitor`], [`provider::Alerts`]) and `alertmanager` ([`provider::Alerts`],
//! silences). For any other product, a program implements the trait, registers it under the service's name, and the site file says
//! `kind: dns`, `kind: cmdb`, `kind: monitoring` or `kind: alerts`.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_opsmgmt::OpsMgmtLayer;
//! let operations = { let mut known = Default::default(); OpsMgmtLayer.operations(&mut known); known };
//! assert!(operations.knows("opsmgmt.register_name"));
//! ```

mod claims;
#[cfg(feature = "conformance")]
pub mod conformance;
mod layer;
mod leftovers;
mod naming;
pub mod provider;
pub mod providers;
pub mod settings;
pub mod steps;
mod targets;
#[cfg(test)]
mod testing;
mod thresholds;

pub use layer::OpsMgmtLayer;
pub use targets::target;
