//! A whole small datacenter: switch, hosts with BMCs, DHCP, DNS, NTP, Prometheus, all reached from the root namespace.

mod layout;
mod site;
mod up;

pub use layout::{BmcProtocol, LabNode, Layout};
pub use up::Datacenter;
