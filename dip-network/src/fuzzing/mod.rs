//! Entries for fuzzers: one function for each parser of bytes from outside. Not for programs: no stability is promised.

#[cfg(feature = "snmp")]
mod snmp;

#[cfg(feature = "snmp")]
pub use snmp::snmp;
