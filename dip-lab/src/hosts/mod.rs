//! Hosts that boot a real systemd: systemd-nspawn on an overlay of the cached base root.

mod boot;
mod host;
mod key;
mod several;

pub(crate) use boot::Network;
pub use host::Host;
pub(crate) use host::HostConfig;
pub use key::SshKey;
pub use several::Hosts;
