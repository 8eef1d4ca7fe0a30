//! The operations of this layer, one file each.

mod start_member;
mod stop_member;

pub use start_member::StartMember;
pub use stop_member::StopMember;
