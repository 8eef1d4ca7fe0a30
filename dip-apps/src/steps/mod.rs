//! The operations of this layer, one file each.

mod start_member;

pub use start_member::StartMember;
