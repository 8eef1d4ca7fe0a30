//! What a site file may want of a node's firmware, as types and as the shape that it is checked against.

mod fault;
mod secure_boot;
mod update;
mod volume;

pub(crate) use fault::WishFault;
pub use secure_boot::SecureBootWish;
pub use update::{Downgrade, TakesEffect, UpdateWish};
pub(crate) use update::{faults as update_faults, fields as update_fields};
pub use volume::{DiskSelector, InTheWay, Level, Pick, Role, VolumeWish};
pub(crate) use volume::{faults as volume_faults, fields as volume_fields};
