//! Processors, memory, network ports, power supplies.

use super::{Maybe, Status, Whole};

resource! {
    /// `Processor`.
    Processor {
        socket: Maybe<String>,
        processor_type: Maybe<String>,
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        serial_number: Maybe<String>,
        part_number: Maybe<String>,
        total_cores: Maybe<Whole>,
        total_threads: Maybe<Whole>,
        status: Maybe<Status>,
    }
}

resource! {
    /// `Memory`.
    Memory {
        device_locator: Maybe<String>,
        manufacturer: Maybe<String>,
        serial_number: Maybe<String>,
        part_number: Maybe<String>,
        #[serde(rename = "CapacityMiB")]
        mebibytes: Maybe<Whole>,
        status: Maybe<Status>,
    }
}

resource! {
    /// `EthernetInterface`.
    EthernetInterface {
        #[serde(rename = "MACAddress")]
        mac: Maybe<String>,
        #[serde(rename = "PermanentMACAddress")]
        permanent_mac: Maybe<String>,
        link_status: Maybe<String>,
        status: Maybe<Status>,
    }
}

resource! {
    /// A power supply, in the older or the newer form.
    PowerSupply {
        id: Maybe<String>,
        member_id: Maybe<String>,
        name: Maybe<String>,
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        serial_number: Maybe<String>,
        part_number: Maybe<String>,
        status: Maybe<Status>,
    }
}
