//! What a machine consists of, as its management controller tells it without an operating system.

use serde::{Deserialize, Serialize};

use super::MacAddr;

/// The parts of a machine that its controller tells of. A list is `None` where the controller tells nothing of that kind, and empty
/// where it says that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Processors, one for each socket that is taken.
    pub processors: Option<Vec<Processor>>,
    /// Memory modules, one for each slot that is taken.
    pub memory: Option<Vec<MemoryModule>>,
    /// Ports of network cards.
    pub nics: Option<Vec<NicPort>>,
    /// Physical disks.
    pub disks: Option<Vec<Disk>>,
    /// Power supplies.
    pub power_supplies: Option<Vec<Part>>,
}

/// A part that can be exchanged, in the words of the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it is: `CPU1`, `DIMM A3`, `PSU 2`. Unique among its kind.
    pub slot: String,
    /// The maker.
    pub manufacturer: Option<String>,
    /// The model or part number.
    pub model: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// Whether the controller counts it as working; `None` where it does not say.
    pub health: Option<Health>,
}

/// How the controller rates a part (Redfish `Status.Health`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Ok,
    /// It works and wants attention.
    Warning,
    /// It does not work as it should.
    Critical,
}

/// A processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processor {
    /// The part.
    pub part: Part,
    /// Its physical cores.
    pub cores: Option<u32>,
    /// Its hardware threads.
    pub threads: Option<u32>,
}

/// A memory module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryModule {
    /// The part.
    pub part: Part,
    /// Its size in MiB.
    pub mebibytes: Option<u64>,
}

/// A port of a network card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicPort {
    /// The part, by the controller's name for the port: `NIC.Integrated.1-1-1`.
    pub part: Part,
    /// Its permanent address.
    pub mac: Option<MacAddr>,
    /// Whether it has a link.
    pub has_link: Option<bool>,
}

/// How a disk keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskKind {
    /// It turns.
    Hdd,
    /// Flash.
    Ssd,
}

/// A physical disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The part.
    pub part: Part,
    /// How it keeps its data.
    pub kind: Option<DiskKind>,
    /// How it is attached: `SATA`, `SAS`, `NVMe`.
    pub protocol: Option<String>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// The controller that it hangs on; `None` where it hangs on none that dip could ask.
    pub controller: Option<String>,
}
