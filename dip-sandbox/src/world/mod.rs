//! The state of the simulated datacenter: machines, what is cabled between them, and the servers of the site.

mod alarms;
mod all;
#[cfg(feature = "models")]
mod body;
mod cables;
mod dhcp;
mod dns;
mod entries;
mod etcd;
mod interfaces;
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
