//! Every resource reader as a function of bytes, for fuzzers.

use serde::de::DeserializeOwned;

use super::answer::value_of;
use super::resource as r;
use crate::fuzzing::redfish::Reader;

/// Reads a body as a resource of this type.
fn read<T: DeserializeOwned + std::fmt::Debug>(body: &[u8]) {
    let Ok(value) = value_of(body) else { return };
    if value.is_object() {
        let read = T::deserialize(value).expect("no field of an object makes it unreadable");
        drop(read);
    }
}

/// The readers by name.
pub(crate) fn readers() -> Vec<(&'static str, Reader)> {
    macro_rules! readers {
        ($($type:ident),* $(,)?) => { vec![$((stringify!($type), read::<r::$type> as Reader)),*] };
    }
    let mut readers = readers![
        AccountService,
        ActionInfo,
        AttributeRegistry,
        Bios,
        Certificate,
        CertificateRequest,
        CertificateService,
        Chassis,
        Collection,
        ComputerSystem,
        Controller,
        DellAttributes,
        Drive,
        ErrorBody,
        EthernetInterface,
        EventDestination,
        EventRecord,
        EventService,
        LogEntry,
        LogService,
        Manager,
        ManagerAccount,
        Memory,
        NetworkAdapter,
        NetworkFunction,
        NetworkPort,
        NetworkProtocol,
        Power,
        PowerSubsystem,
        PowerSupply,
        Processor,
        RegistryFile,
        Role,
        Root,
        SecureBoot,
        Sensor,
        SimpleStorage,
        SoftwareInventory,
        Storage,
        Task,
        Thermal,
        UpdateService,
        VirtualMedia,
        Volume,
        VolumeCollection,
    ];
    readers.push(("what is told of a log entry", super::event_log::read));
    readers.push(("what is told of a task", super::tasks::read));
    readers.push(("what is told of BIOS settings", super::bios::read));
    readers.push(("what is told of a registry", super::registry::read));
    readers.push(("members of a collection", super::members::read));
    readers.push(("a stream of events", super::sse::read));
    readers
}
