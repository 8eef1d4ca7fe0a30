//! The provider traits of layer 2: a node's management controller (BMC) and what it may be able to do.

mod bmc;
mod boot;
mod not_acted;

pub use bmc::Bmc;
pub use boot::{Boot, BootMode, BootOverride, BootState, Persistence};
pub use not_acted::NotActed;

#[cfg(feature = "mocks")]
pub use bmc::MockBmc;
#[cfg(feature = "mocks")]
pub use boot::MockBoot;
