//! Open vSwitch, through its database server (OVSDB, RFC 7047), over TCP or a Unix socket.
//!
//! A port counts as set only when the switch itself took the change over from its database (`cur_cfg` reached
//! `next_cfg`), not when the database accepted it. A site's mark is the key `dip-site` in the port's `external_ids`.
//! A member of a link aggregation has both in the `external_ids` of its interface, and the aggregation carries the mark too.
//! Of an MLAG pair each switch has its own half of an aggregation; LACP makes one of them, by what `other_config` tells.

mod address;
mod answer;
mod change;
mod client;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod pairing;
mod row;
mod switch;

pub use address::{AddressError, OvsdbAddress};
pub use switch::OpenVSwitch;
