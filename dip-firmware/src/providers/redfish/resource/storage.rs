//! Storage controllers, disks, volumes.

use super::{Link, List, Maybe, Status, Whole};

resource! {
    /// A storage subsystem (`Storage`).
    Storage {
        id: Maybe<String>,
        name: Maybe<String>,
        status: Maybe<Status>,
        storage_controllers: List<Controller>,
        controllers: Maybe<Link>,
        drives: List<Link>,
        volumes: Maybe<Link>,
    }
}

resource! {
    /// A controller of it (`StorageController`).
    Controller {
        model: Maybe<String>,
        name: Maybe<String>,
        #[serde(rename = "SupportedRAIDTypes")]
        raid_types: List<String>,
    }
}

resource! {
    /// A disk (`Drive`).
    Drive {
        id: Maybe<String>,
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        serial_number: Maybe<String>,
        part_number: Maybe<String>,
        media_type: Maybe<String>,
        protocol: Maybe<String>,
        capacity_bytes: Maybe<Whole>,
        status: Maybe<Status>,
    }
}

resource! {
    /// A volume (`Volume`).
    Volume {
        id: Maybe<String>,
        name: Maybe<String>,
        #[serde(rename = "RAIDType")]
        raid_type: Maybe<String>,
        volume_type: Maybe<String>,
        capacity_bytes: Maybe<Whole>,
        links: Maybe<VolumeLinks>,
    }
}

resource! {
    VolumeLinks { drives: List<Link>, }
}

resource! {
    /// What the list of volumes says about when changes come about.
    VolumeCollection {
        #[serde(rename = "@Redfish.OperationApplyTimeSupport")]
        apply_times: Maybe<ApplyTimes>,
    }
}

resource! {
    ApplyTimes { supported_values: List<String>, }
}

resource! {
    /// Disks of a controller without an own resource for each (`SimpleStorage`).
    SimpleStorage { devices: List<Device>, }
}

resource! {
    Device {
        name: Maybe<String>,
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        capacity_bytes: Maybe<Whole>,
        status: Maybe<Status>,
    }
}
