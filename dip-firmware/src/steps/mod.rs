//! The operations of layer 2.

mod boot_ref;
mod facet;
mod identify;
mod install_firmware;
mod make_volume;
mod power_off;
mod power_on;
mod read_components;
mod read_storage;
mod remove_volume;
mod revive_bmc;
mod set_bios;
mod set_boot_device;
mod set_secure_boot;
mod stage;

pub use boot_ref::{BootRef, Start};
pub use identify::Identify;
pub use install_firmware::InstallFirmware;
pub use make_volume::{DiskRef, MakeVolume};
pub use power_off::{PowerOff, Purpose};
pub use power_on::PowerOn;
pub use read_components::{COMPONENTS, ReadComponents};
pub use read_storage::ReadStorage;
pub use remove_volume::RemoveVolume;
pub use revive_bmc::ReviveBmc;
pub use set_bios::SetBios;
pub use set_boot_device::SetBootDevice;
pub use set_secure_boot::SetSecureBoot;
pub use stage::Stage;

pub(crate) use install_firmware::{FIRMWARE_ACCEPTED, version_of};
pub(crate) use make_volume::VOLUME_ACCEPTED;
pub(crate) use remove_volume::VOLUME_REMOVED;
pub(crate) use set_bios::BIOS_ACCEPTED;
pub(crate) use set_secure_boot::SECURE_BOOT_ACCEPTED;
