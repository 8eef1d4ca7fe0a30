//! The provider traits of layer 2: a node's management controller (BMC) and what it may be able to do.

mod accounts;
mod bios;
mod bmc;
mod boot;
mod console;
mod controller;
mod event_log;
mod events;
mod firmware;
mod identify_light;
mod inventory;
mod no_login_refused;
mod not_acted;
mod promises;
mod raid;
mod secure_boot;
mod sensors;
pub(crate) mod table;
mod task;
mod virtual_media;

pub use accounts::{Account, Accounts, LockoutPolicy, Role};
pub use bios::{Bios, BiosAttributes, BiosState, BiosValue};
pub use bmc::Bmc;
pub use boot::{Boot, BootMode, BootOverride, BootState, Persistence};
pub use console::{Console, ConsoleStream};
pub use controller::{Controller, ControllerState};
pub use event_log::{EventLog, LogEntry};
pub use events::{EventStream, Events, Subscription};
pub use firmware::{Component, Firmware};
pub use identify_light::{IdentifyLight, Light};
pub use inventory::{Disk, DiskKind, Hardware, Health, Inventory, MemoryModule, NicPort, Part, Processor};
pub use no_login_refused::NoLoginRefused;
pub use not_acted::NotActed;
pub(crate) use promises::Promises;
pub use raid::{Raid, RaidLevel, StorageController, Volume, WantedVolume};
pub use secure_boot::{SecureBoot, SecureBootState};
pub use sensors::{SensorReading, Sensors, Unit};
pub use task::{Accepted, TaskRef, TaskState, Tasks};
pub use virtual_media::{MediaKind, MediaSlot, VirtualMedia};

#[cfg(feature = "mocks")]
pub use accounts::MockAccounts;
#[cfg(feature = "mocks")]
pub use bios::MockBios;
#[cfg(feature = "mocks")]
pub use bmc::MockBmc;
#[cfg(feature = "mocks")]
pub use boot::MockBoot;
#[cfg(feature = "mocks")]
pub use console::MockConsole;
#[cfg(feature = "mocks")]
pub use controller::MockController;
#[cfg(feature = "mocks")]
pub use event_log::MockEventLog;
#[cfg(feature = "mocks")]
pub use firmware::MockFirmware;
#[cfg(feature = "mocks")]
pub use identify_light::MockIdentifyLight;
#[cfg(feature = "mocks")]
pub use inventory::MockInventory;
#[cfg(feature = "mocks")]
pub use raid::MockRaid;
#[cfg(feature = "mocks")]
pub use secure_boot::MockSecureBoot;
#[cfg(feature = "mocks")]
pub use sensors::MockSensors;
#[cfg(feature = "mocks")]
pub use task::MockTasks;
#[cfg(feature = "mocks")]
pub use virtual_media::MockVirtualMedia;
