//! The real providers of this layer, each behind a feature of its name.

mod address_books;
mod connect;
#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "directory")]
pub mod directory;
#[cfg(any(feature = "csv", feature = "directory", feature = "prometheus"))]
mod file;
#[cfg(any(feature = "directory", feature = "netbox"))]
mod marked;
#[cfg(feature = "netbox")]
pub mod netbox;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rfc2136")]
pub mod rfc2136;

pub use address_books::beside;
pub(crate) use connect::connect;
