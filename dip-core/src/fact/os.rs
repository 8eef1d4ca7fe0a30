//! What layer 3 (operating system) promises to the others.

use std::collections::BTreeSet;

use super::Fact;

/// The node's installed system answers and runs commands (`node/<node>`, within a boot); the value is its kernel's boot id.
pub const ANSWERS: Fact<String> = Fact::new("os.answers");

/// The host name that the node tells of itself (`node/<node>`).
pub const HOST_NAME: Fact<String> = Fact::new("os.host_name");

/// The kernel settings of the profile hold, now and after a reboot (`node/<node>`); the value counts them.
pub const KERNEL_SETTINGS: Fact<usize> = Fact::new("os.kernel_settings");

/// The files of the profile are in place (`node/<node>`); the value counts them.
pub const FILES: Fact<usize> = Fact::new("os.files");

/// The users of the profile exist with their keys (`node/<node>`); the value names them.
pub const USERS: Fact<Vec<String>> = Fact::new("os.users");

/// The packages of the profile are installed (`node/<node>`); the value names them.
pub const PACKAGES: Fact<Vec<String>> = Fact::new("os.packages");

/// The serial numbers of all disks that were seen in the node (`node/<node>`). A step that erases reads it: where a disk that
/// it was to erase is no longer in the node, the engine does not let it.
pub const DISK_SERIALS: Fact<BTreeSet<String>> = Fact::new("os.disk_serials");
