//! dnsmasq, through its directory of DHCP hosts (`dhcp-hostsdir`).
//!
//! Each reservation is a file of its own, `dip-<mac>`, with the owner's mark in a comment. dnsmasq sees a new file at once
//! (inotify); it takes a changed or removed one only after SIGHUP, which this provider sends. What dnsmasq keeps in
//! memory cannot be read back: the files and a live server process are what a look-up goes by.

mod directory;
mod entry;
mod leases;
mod process;
mod server;

pub use server::Dnsmasq;
