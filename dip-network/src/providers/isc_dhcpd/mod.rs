//! ISC dhcpd, by OMAPI, its protocol for objects at run time.
//!
//! Each reservation is a host object with the interface's hardware address. OMAPI tells little of a host again: name, hardware address,
//! client identifier and address. So the mark of the site and the host name stand in the object's name, and its client identifier, which
//! no client sends, makes it found by its address. There is no listing: that takes dhcpd's own files, where dip can read them.
//!
//! Source: `omapi(3)`, `omshell(1)`, `dhcpd(8)` "The host object", `dhcpd.leases(5)`; that of the wire is told in `message.rs`.

mod algorithm;
mod boot;
mod declarations;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod host;
mod message;
mod provider;
mod session;

pub use provider::IscDhcpd;
