//! The operations of layer 2.

mod bar_users;
mod boot_ref;
mod discover;
mod identify;
mod power_off;
mod power_on;
mod retire_password;
mod set_boot_device;
mod set_password;
mod tend_controller;
mod verify_hardware;

pub use bar_users::BarUsers;
pub use boot_ref::{BootRef, Start};
pub use discover::Discover;
pub use identify::Identify;
pub use power_off::{PowerOff, Purpose};
pub use power_on::PowerOn;
pub use retire_password::RetirePassword;
pub use set_boot_device::SetBootDevice;
pub use set_password::SetPassword;
pub use tend_controller::TendController;
pub use verify_hardware::VerifyHardware;
