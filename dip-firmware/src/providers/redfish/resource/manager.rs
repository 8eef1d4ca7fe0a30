//! The controller itself.

use serde_json::{Map, Value};

use super::{Action, Link, List, Maybe, Whole};

resource! {
    /// `Manager`.
    Manager {
        manager_type: Maybe<String>,
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        firmware_version: Maybe<String>,
        network_protocol: Maybe<Link>,
        log_services: Maybe<Link>,
        virtual_media: Maybe<Link>,
        links: Maybe<ManagerLinks>,
        actions: Maybe<ManagerActions>,
    }
}

resource! {
    ManagerLinks { manager_for_servers: List<Link>, oem: Maybe<ManagerOem>, }
}

resource! {
    ManagerOem { dell: Maybe<DellLinks>, }
}

resource! {
    /// Where Dell keeps what the schemas have no place for.
    DellLinks { dell_attributes: List<Link>, }
}

resource! {
    ManagerActions {
        #[serde(rename = "#Manager.Reset")]
        reset: Maybe<Action>,
    }
}

resource! {
    /// `ManagerNetworkProtocol`.
    NetworkProtocol {
        #[serde(rename = "HTTPS")]
        https: Maybe<Https>,
        #[serde(rename = "NTP")]
        ntp: Maybe<Ntp>,
        telnet: Maybe<Protocol>,
        #[serde(rename = "SNMP")]
        snmp: Maybe<Snmp>,
        oem: Maybe<NetworkOem>,
    }
}

resource! {
    Https { certificates: Maybe<Link>, }
}

resource! {
    Ntp {
        protocol_enabled: Maybe<bool>,
        #[serde(rename = "NTPServers")]
        servers: List<String>,
    }
}

resource! {
    Protocol { protocol_enabled: Maybe<bool>, }
}

resource! {
    Snmp {
        protocol_enabled: Maybe<bool>,
        #[serde(rename = "EnableSNMPv1")]
        v1: Maybe<bool>,
        #[serde(rename = "EnableSNMPv2c")]
        v2c: Maybe<bool>,
    }
}

resource! {
    NetworkOem { hpe: Maybe<HpeSyslog>, }
}

resource! {
    /// Where HPE keeps the receiver of its log.
    HpeSyslog {
        #[serde(rename = "RemoteSyslogEnabled")]
        enabled: Maybe<bool>,
        #[serde(rename = "RemoteSyslogServer")]
        server: Maybe<String>,
        #[serde(rename = "RemoteSyslogPort")]
        port: Maybe<Whole>,
    }
}

resource! {
    /// Settings of Dell's controllers that the schemas have no place for.
    DellAttributes { attributes: Maybe<Map<String, Value>>, }
}
