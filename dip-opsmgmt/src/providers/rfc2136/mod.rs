//! DNS servers that take dynamic updates (RFC 2136) signed with TSIG (RFC 8945): BIND, Knot, PowerDNS, Windows DNS.

mod connect;
mod message;
mod pool;
mod server;
mod transfer;
mod verdict;
mod wire;

pub use server::{Rfc2136, UpdateServer};
