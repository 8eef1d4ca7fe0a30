//! The real providers of this layer, each behind a feature of its name.

mod address_books;
#[cfg(feature = "alertmanager")]
pub mod alertmanager;
#[cfg(any(feature = "alertmanager", feature = "prometheus"))]
mod alerts;
#[cfg(any(feature = "csv", feature = "directory", feature = "dnsmasq-hosts", feature = "prometheus"))]
mod blocking;
mod connect;
#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "directory")]
pub mod directory;
#[cfg(any(feature = "dnsmasq-hosts", feature = "powerdns", feature = "rfc2136"))]
mod dns_name;
#[cfg(any(feature = "alertmanager", feature = "powerdns", feature = "prometheus", feature = "rfc2136"))]
#[cfg_attr(
    not(any(feature = "powerdns", feature = "rfc2136")),
    expect(dead_code, reason = "how far a failure reaches matters to the servers of zones alone"),
    allow(unreachable_pub, reason = "the trait of servers of zones names it, where there is that")
)]
mod fault;
#[cfg(any(feature = "csv", feature = "directory", feature = "dnsmasq-hosts", feature = "prometheus"))]
mod file;
#[cfg(feature = "dnsmasq-hosts")]
pub mod hosts_directory;
#[cfg(any(feature = "alertmanager", feature = "netbox", feature = "powerdns", feature = "prometheus"))]
mod http;
#[cfg(any(feature = "directory", feature = "netbox"))]
mod marked;
#[cfg(feature = "netbox")]
pub mod netbox;
#[cfg(feature = "powerdns")]
pub mod powerdns;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rfc2136")]
pub mod rfc2136;
#[cfg(any(feature = "alertmanager", feature = "prometheus"))]
mod web;
#[cfg(any(feature = "powerdns", feature = "rfc2136"))]
mod zones;

pub use address_books::beside;
pub(crate) use connect::connect;
