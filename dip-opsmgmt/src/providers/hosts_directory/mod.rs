//! A directory of hosts files that dnsmasq follows (`hostsdir`): addresses and reverse names, nothing else.

mod book;
mod server;

pub use server::HostsDirectory;
