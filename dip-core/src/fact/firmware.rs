//! What layer 2 (firmware and management) promises to the others.

use std::collections::BTreeMap;

use super::Fact;
use crate::hardware::{BootDevice, Hardware, Identity, PowerState};

/// The chassis power of a node (`node/<node>`, within a boot), as its BMC tells it.
pub const POWER: Fact<PowerState> = Fact::new("firmware.power");

/// The node was without power within a boot (`node/<node>`, within a boot): whatever runs after it was started by that boot.
/// The value is the power at that moment; what it has later in the boot is [`POWER`].
pub const POWER_CYCLED: Fact<PowerState> = Fact::new("firmware.power_cycled");

/// The device a node boots from next (`node/<node>`, within a boot).
pub const BOOT_DEVICE: Fact<BootDevice> = Fact::new("firmware.boot_device");

/// A BMC answers (`node/<node>`). Given only for nodes whose BMC may be brought back by the power of its outlets.
pub const BMC_ANSWERS: Fact<bool> = Fact::new("firmware.bmc_answers");

/// Who the machine is: maker, model, serial number, UUID (`node/<node>`).
pub const IDENTITY: Fact<Identity> = Fact::new("firmware.identity");

/// What the machine consists of, as its management controller tells it (`node/<node>`).
pub const HARDWARE: Fact<Hardware> = Fact::new("firmware.hardware");

/// The BIOS attributes that the site wants are in force (`node/<node>`), each as it is written there.
pub const BIOS: Fact<BTreeMap<String, String>> = Fact::new("firmware.bios");

/// Secure Boot is in force or not, as the site wants it (`node/<node>`).
pub const SECURE_BOOT: Fact<bool> = Fact::new("firmware.secure_boot");

/// A volume is there (`volume/<node>/<volume>`); the value names the serial numbers of its disks.
pub const VOLUME: Fact<Vec<String>> = Fact::new("firmware.volume");

/// A component runs the wanted firmware (`component/<node>/<component>`); the value is its version.
pub const FIRMWARE_VERSION: Fact<String> = Fact::new("firmware.version");
/// A machine has the parts that the site expects of it, or may go on without (`node/<node>`); what it lacks, in sentences.
pub const HARDWARE_VERIFIED: Fact<Vec<String>> = Fact::new("firmware.hardware_verified");

/// Which password a management controller takes, by its generation (`node/<node>`); never the password.
pub const BMC_PASSWORD: Fact<u32> = Fact::new("firmware.bmc_password");

/// The weak ways into a management controller that are open, in words (`node/<node>`).
pub const BMC_WEAKNESSES: Fact<Vec<String>> = Fact::new("firmware.bmc_weaknesses");

/// The certificate that a management controller shows, by its SHA-256 (DER) in lower-case hexadecimal (`node/<node>`).
pub const BMC_CERTIFICATE: Fact<String> = Fact::new("firmware.bmc_certificate");

/// The users of a management controller that may log in and that the site does not name (`node/<node>`).
pub const BMC_STRANGERS: Fact<Vec<String>> = Fact::new("firmware.bmc_strangers");
