//! Kea: reservations by its control socket or agent, in its configuration or by the commands of its hook, or in the PostgreSQL database of
//! its hosts backend.
//!
//! Many reservations that are asked for at once become one change of the server: what arrives while one is under way is gathered.

mod book;
mod boot_class;
mod classes;
mod client;
mod config;
mod configuration;
mod entry;
mod hook;
mod host_cmds;
#[cfg(feature = "kea-postgresql")]
mod hosts;
mod http;
mod known;
mod mark;
#[cfg(feature = "kea-postgresql")]
mod rows;
mod server;
#[cfg(feature = "kea-postgresql")]
mod sheet;
mod store;
mod surroundings;
mod turns;

pub use server::Kea;
