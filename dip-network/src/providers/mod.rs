//! The real servers that this layer acts through, each behind a feature of its name.

mod connect;
#[cfg(feature = "dnsmasq")]
pub mod dnsmasq;
mod gather;
#[cfg(feature = "kea")]
pub mod kea;
#[cfg(feature = "netconf")]
pub mod netconf;
#[cfg(feature = "openvswitch")]
pub mod openvswitch;
mod outlets;
mod site_ranges;
mod site_whereabouts;
#[cfg(feature = "snmp")]
pub mod snmp;

pub use connect::beside;
pub(crate) use connect::connect;
pub use outlets::Mains;
pub use site_ranges::SiteRanges;
pub use site_whereabouts::SiteWhereabouts;
