//! PDUs by SNMP: version 3 with the user-based security model, or version 2c where the site asks for it.
//!
//! What differs between products is data: a [`MibMap`](crate::settings::MibMap) for each, or the site's own. The protocol itself is
//! the crate `async-snmp`.

mod agent;
mod error;
mod login;
pub(crate) mod map;
mod pdu;
pub(crate) mod reading;

pub use login::LoginError;
pub use map::MapError;
pub use pdu::{SnmpPdu, SnmpPduError};
