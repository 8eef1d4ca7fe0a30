//! What layer 2 (firmware and management) promises to the others.

use super::Fact;
use crate::hardware::{BootDevice, Hardware, Identity, PowerState};

/// The chassis power of a node (`node/<node>`, within a boot), as its BMC tells it.
pub const POWER: Fact<PowerState> = Fact::new("firmware.power");

/// The node was without power within a boot (`node/<node>`, within a boot): whatever runs after it was started by that boot.
/// The value is the power at that moment; what it has later in the boot is [`POWER`].
pub const POWER_CYCLED: Fact<PowerState> = Fact::new("firmware.power_cycled");

/// The device a node boots from next (`node/<node>`, within a boot).
pub const BOOT_DEVICE: Fact<BootDevice> = Fact::new("firmware.boot_device");

/// Who the machine is: maker, model, serial number, UUID (`node/<node>`).
pub const IDENTITY: Fact<Identity> = Fact::new("firmware.identity");

/// What the machine consists of, as its management controller tells it (`node/<node>`).
pub const HARDWARE: Fact<Hardware> = Fact::new("firmware.hardware");

/// A machine has the parts that the site expects of it, or may go on without (`node/<node>`); what it lacks, in sentences.
pub const HARDWARE_VERIFIED: Fact<Vec<String>> = Fact::new("firmware.hardware_verified");

/// Which password a management controller takes, by its generation (`node/<node>`); never the password.
pub const BMC_PASSWORD: Fact<u32> = Fact::new("firmware.bmc_password");

/// The weak ways into a management controller that are open, in words (`node/<node>`).
pub const BMC_WEAKNESSES: Fact<Vec<String>> = Fact::new("firmware.bmc_weaknesses");

/// The users of a management controller that may log in and that the site does not name (`node/<node>`).
pub const BMC_STRANGERS: Fact<Vec<String>> = Fact::new("firmware.bmc_strangers");
