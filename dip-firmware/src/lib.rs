//! DIP layer 2, firmware and management: what a node's management controller (BMC) tells and does.
//!
//! Steps:
//! * `firmware.identify`: the machine behind the BMC is the one that the site file means, and that the node was bound to.
//! * `firmware.discover` and `firmware.verify_hardware`: which parts it has, and whether they are those that the site expects.
//! * `firmware.set_password`, `firmware.retire_password`, `firmware.tend_controller`, `firmware.bar_users`: the BMC itself, see
//!   [`hygiene`].
//! * `firmware.set_boot_device` and `firmware.power_on`: this layer's part of a boot into the installed system.
//! * `firmware.power_off`: its part of a boot into `off`: ask the system to shut down, then switch off.
//!
//! Providers of [`provider::Bmc`], each behind a feature of its name: `ipmi` (IPMI 2.0, cipher suite 3, over the session layer in
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
pub mod hygiene;
#[cfg(feature = "ipmi")]
pub mod ipmi;
mod layer;
pub mod provider;
pub mod providers;
pub mod settings;
pub mod steps;
#[cfg(test)]
mod testing;

pub use layer::FirmwareLayer;
