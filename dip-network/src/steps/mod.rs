//! The operations of layer 1.

mod reserve_address;
mod tag_port;

pub use reserve_address::ReserveAddress;
pub use tag_port::TagPort;
