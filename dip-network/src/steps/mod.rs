//! The operations of layer 1.

mod release_address;
mod release_port;
mod reserve_address;
mod tag_port;

pub use release_address::ReleaseAddress;
pub use release_port::ReleasePort;
pub use reserve_address::ReserveAddress;
pub use tag_port::TagPort;
