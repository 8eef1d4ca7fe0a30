//! NetBox and Nautobot, by the REST API that they share: devices, interfaces, cables, addresses, custom fields.

mod addresses;
mod client;
mod device;
mod dialect;
mod native;
mod pages;
mod pool;
mod server;
mod stock;
mod tls;

pub use client::SettingsError;
pub use dialect::Dialect;
pub use server::Netbox;
