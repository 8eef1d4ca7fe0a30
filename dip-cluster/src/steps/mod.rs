//! The operations of this layer, one file each.

mod await_quorum;
mod remove_member;
mod verify_write;

pub use await_quorum::AwaitQuorum;
pub use remove_member::RemoveMember;
pub use verify_write::VerifyWrite;
