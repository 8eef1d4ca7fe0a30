//! Kea: reservations by its control socket or agent, or in the PostgreSQL database of its hosts backend.
//!
//! Many reservations that are asked for at once become one change of the server: what arrives while one is under way is gathered.

mod book;
mod boot_class;
mod classes;
mod client;
mod config;
mod configuration;
mod entry;
mod gather;
#[cfg(feature = "kea-postgresql")]
mod hosts;
mod mark;
#[cfg(feature = "kea-postgresql")]
mod rows;
mod server;
#[cfg(feature = "kea-postgresql")]
mod sheet;
mod store;
mod surroundings;

pub use server::Kea;
