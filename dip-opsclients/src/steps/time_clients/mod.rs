//! Who follows a time server on a node: chrony or systemd-timesyncd.

mod chrony;
mod server;
mod timesyncd;

pub(super) use chrony::Chrony;
pub use server::Server;
pub(super) use timesyncd::Timesyncd;
