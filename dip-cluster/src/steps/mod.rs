//! The operations of this layer, one file each.

mod await_quorum;
mod verify_write;

pub use await_quorum::AwaitQuorum;
pub use verify_write::VerifyWrite;
