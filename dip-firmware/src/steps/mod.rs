//! The operations of layer 2.

mod boot_ref;
mod identify;
mod power_off;
mod power_on;
mod revive_bmc;
mod set_boot_device;

pub use boot_ref::{BootRef, Start};
pub use identify::Identify;
pub use power_off::{PowerOff, Purpose};
pub use power_on::PowerOn;
pub use revive_bmc::ReviveBmc;
pub use set_boot_device::SetBootDevice;
