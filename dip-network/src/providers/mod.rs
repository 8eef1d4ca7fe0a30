//! The real servers that this layer acts through, each behind a feature of its name.

#[cfg(feature = "kea")]
mod boot_tag;
mod connect;
#[cfg(feature = "dnsmasq")]
pub mod dnsmasq;
#[cfg(any(feature = "isc-dhcpd", feature = "kea"))]
mod failure;
#[cfg(any(feature = "isc-dhcpd", feature = "kea"))]
mod host_name;
#[cfg(feature = "isc-dhcpd")]
pub mod isc_dhcpd;
#[cfg(feature = "kea")]
pub mod kea;
#[cfg(any(feature = "dnsmasq", feature = "isc-dhcpd"))]
#[cfg_attr(
    not(all(feature = "dnsmasq", feature = "isc-dhcpd")),
    allow(dead_code, reason = "dnsmasq needs the stamps alone, ISC dhcpd all but their numbers")
)]
mod kept;
#[cfg(feature = "netconf")]
pub mod netconf;
#[cfg(feature = "openvswitch")]
pub mod openvswitch;
mod outlets;
mod site_ranges;
mod site_whereabouts;
#[cfg(feature = "snmp")]
pub mod snmp;

pub(crate) use connect::connect;
pub use connect::{beside, whereabouts};
pub use outlets::Mains;
pub use site_ranges::SiteRanges;
pub use site_whereabouts::SiteWhereabouts;
