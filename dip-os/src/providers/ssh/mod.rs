//! Nodes over SSH: [`Ssh`] is a [`dip_core::provider::Host`].

mod connect;
mod connection;
mod host;
mod host_key;
mod script;
mod target;

pub(crate) use connect::connect;
pub use host::Ssh;
pub use host_key::{HostKeyError, HostKeys};
pub use target::{Elevation, Login, LoginError, Target};
