//! PowerDNS through its HTTP API, version 4.

mod api;
mod content;
mod server;

pub use server::{ApiServer, PowerDns, SettingsError};
