//! Network cards of a box.

use super::{Link, List, Maybe, Status};

resource! {
    /// `NetworkAdapter`.
    NetworkAdapter {
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        part_number: Maybe<String>,
        serial_number: Maybe<String>,
        status: Maybe<Status>,
        ports: Maybe<Link>,
        network_ports: Maybe<Link>,
        network_device_functions: Maybe<Link>,
    }
}

resource! {
    /// `Port`, or the older `NetworkPort`.
    NetworkPort {
        link_status: Maybe<String>,
        #[serde(rename = "AssociatedNetworkAddresses")]
        addresses: List<String>,
        ethernet: Maybe<PortEthernet>,
    }
}

resource! {
    PortEthernet {
        #[serde(rename = "AssociatedMACAddresses")]
        addresses: List<String>,
    }
}

resource! {
    /// `NetworkDeviceFunction`.
    NetworkFunction { ethernet: Maybe<FunctionEthernet>, }
}

resource! {
    FunctionEthernet {
        #[serde(rename = "MACAddress")]
        mac: Maybe<String>,
        #[serde(rename = "PermanentMACAddress")]
        permanent_mac: Maybe<String>,
    }
}
