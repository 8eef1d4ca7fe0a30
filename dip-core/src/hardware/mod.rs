//! Hardware: the words for it, and what a machine consists of.

mod duid;
mod inventory;
mod vocabulary;

pub use duid::Duid;
pub use inventory::{Disk, DiskKind, Hardware, Health, MemoryModule, NicPort, Part, Processor};
pub use vocabulary::{
    BootDevice, HardwareError, Identity, MacAddr, Mtu, MtuError, PciAddress, PowerState, VlanError, VlanId, VlanSet,
};
