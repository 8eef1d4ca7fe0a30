//! The real providers, each behind a feature of its name, and how a BMC of the site file becomes one.

mod connect;
#[cfg(feature = "ipmi")]
mod ipmi;
mod located;
mod preferred;
#[cfg(feature = "redfish")]
mod redfish;
pub mod sweep;
#[cfg(any(feature = "ipmi", feature = "redfish"))]
mod told;

pub(crate) use connect::connect;
#[cfg(feature = "ipmi")]
pub use ipmi::Ipmi;
pub use preferred::{Facet, Preferred};
#[cfg(all(feature = "fuzzing", feature = "redfish"))]
pub(crate) use redfish::readers as redfish_readers;
#[cfg(feature = "redfish")]
pub use redfish::{FingerprintError, Redfish, RedfishError};
