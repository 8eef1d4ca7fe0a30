//! The state of the simulated datacenter: machines, what is cabled between them, and the servers of the site.

mod alarms;
mod all;
#[cfg(feature = "models")]
mod body;
mod cables;
mod dhcp;
mod dns;
mod etcd;
mod keeper;
mod machine;
mod management;
mod parts;
mod pdu;
mod reach;
mod records;
mod switch;
mod targets;
mod wiring;

pub(crate) use alarms::{Alarms, Rulebook};
pub(crate) use all::{World, factory_password};
#[cfg(feature = "models")]
pub(crate) use body::Body;
pub(crate) use cables::Cables;
pub(crate) use dhcp::{Foreign, Reservations};
pub(crate) use dns::{ForeignName, Names};
pub(crate) use etcd::Keys;
pub(crate) use keeper::{Keeper, LOCKOUT_AFTER};
pub(crate) use machine::Machine;
pub(crate) use parts::Parts;
pub(crate) use pdu::Outlets;
pub(crate) use records::{ForeignRecord, Records};
pub(crate) use switch::Ports;
pub(crate) use targets::{ForeignTarget, Targets};
pub(crate) use wiring::Wiring;

/// The kinds of services that are DHCP servers.
pub(crate) const DHCP_KINDS: &[&str] = &["dnsmasq"];

/// The kinds of services that are DNS servers.
pub(crate) const DNS_KINDS: &[&str] = &["rfc2136", "powerdns", "dnsmasq_hosts"];

/// The kinds of services that are CMDBs.
pub(crate) const CMDB_KINDS: &[&str] = &["directory"];

/// The kinds of services that tell of alerts.
pub(crate) const ALERT_KINDS: &[&str] = &["alertmanager"];

/// The kinds of services that are monitoring servers.
pub(crate) const MONITOR_KINDS: &[&str] = &["prometheus"];
