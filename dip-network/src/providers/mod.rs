//! The real servers that this layer acts through, each behind a feature of its name.

mod connect;
#[cfg(feature = "dnsmasq")]
pub mod dnsmasq;
#[cfg(feature = "netconf")]
pub mod netconf;
#[cfg(feature = "openvswitch")]
pub mod openvswitch;

pub(crate) use connect::connect;
