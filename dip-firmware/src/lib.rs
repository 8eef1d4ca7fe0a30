//! DIP layer 2, firmware and management: what a node's management controller (BMC) tells and does.
//!
//! Steps:
//! * `firmware.read_components`, `firmware.install_firmware`, `firmware.set_bios`, `firmware.set_secure_boot`, `firmware.read_storage`,
//!   `firmware.make_volume` and `firmware.remove_volume`: firmware, settings and volumes as one transaction. What comes about at a
//!   boot is two steps each, one that asks and one that sees it [in force](steps::Stage).
//! * `firmware.identify`: the machine behind the BMC is the one that the site file means, and that the node was bound to.
//! * `firmware.discover` and `firmware.verify_hardware`: which parts it has, and whether they are those that the site expects.
//! * `firmware.set_password`, `firmware.retire_password`, `firmware.tend_controller`, `firmware.bar_users`, `firmware.install_certificate`: the BMC itself, see
//!   [`hygiene`].
//! * `firmware.set_boot_device` and `firmware.power_on`: this layer's part of a boot into the installed system.
//! * `firmware.power_off`: its part of a boot into `off`: ask the system to shut down, then switch off.
//!
//! Providers of [`provider::Bmc`], each behind a feature of its name: `ipmi` (IPMI 2.0, cipher suites 17 and 3, over the session layer in
//! [`ipmi`]) and `redfish`. Where the site file lists several protocols for one BMC, [`providers::Preferred`] tries
//! them in that order.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_firmware::FirmwareLayer;
//! let operations = { let mut known = Default::default(); FirmwareLayer.operations(&mut known); known };
//! assert!(operations.knows("firmware.power_on"));
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod expectation;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod hygiene;
#[cfg(feature = "ipmi")]
pub mod ipmi;
mod layer;
mod natural;
pub mod provider;
pub mod providers;
pub mod quirks;
pub mod selection;
pub mod settings;
pub mod steps;
pub mod storage;
#[cfg(test)]
mod testing;
mod transaction;
mod underway;
pub mod wishes;

pub use layer::FirmwareLayer;
pub use underway::Underway;
