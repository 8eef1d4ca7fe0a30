//! The parts of Redfish resources that dip reads. Everything may be absent, `null` or of another form than the schemas say; all
//! three mean "not told" ([`Maybe`]), and never make the rest unreadable.

/// Declares a resource or a part of one: each field by its Redfish name (`PascalCase` of its own, or a `rename`), all optional.
macro_rules! resource {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub(in crate::providers::redfish) struct $name {
            $($(#[$field_meta])* pub(in crate::providers::redfish) $field: $type,)*
        }
    };
}

mod account;
mod action;
mod bios;
mod certificate;
mod chassis;
mod collection;
mod event;
mod lenient;
mod log;
mod manager;
mod media;
mod message;
mod network;
mod parts;
mod registry;
mod root;
mod secure_boot;
mod sensor;
mod settings;
mod status;
mod storage;
mod system;
mod task;
mod update;

pub(super) use account::{AccountService, ManagerAccount, Role};
pub(super) use action::{Action, ActionInfo};
pub(super) use bios::Bios;
pub(super) use certificate::{Certificate, CertificateRequest, CertificateService};
pub(super) use chassis::Chassis;
pub(super) use collection::{Collection, Link};
pub(super) use event::{EventDestination, EventRecord, EventService};
pub(super) use lenient::{List, Maybe, Number, Whole};
pub(super) use log::{LogEntry, LogService};
pub(super) use manager::{DellAttributes, HpeSyslog, Manager, NetworkProtocol};
pub(super) use media::VirtualMedia;
pub(super) use message::ErrorBody;
pub(super) use network::{NetworkAdapter, NetworkFunction, NetworkPort};
pub(super) use parts::{EthernetInterface, Memory, PowerSupply, Processor};
pub(super) use registry::{Attribute, AttributeRegistry, RegistryFile};
pub(super) use root::{ExpandQuery, Root};
pub(super) use secure_boot::SecureBoot;
pub(super) use sensor::{Power, PowerSubsystem, Sensor, Thermal};
pub(super) use settings::Settings;
pub(super) use status::Status;
pub(super) use storage::{Controller, Device, Drive, SimpleStorage, Storage, Volume, VolumeCollection};
pub(super) use system::{Boot, ComputerSystem};
pub(super) use task::{Task, TaskMessage};
pub(super) use update::{SoftwareInventory, UpdateService};
