//! A Redfish service that has everything, into which recorded resources are put.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A service of our own that has everything, with as little as possible in it.
pub(crate) fn skeleton() -> BTreeMap<String, Value> {
    let link = |path: &str| json!({ "@odata.id": format!("/redfish/v1/{path}") });
    let members = |path: &str| json!({ "Members": [link(path)] });
    let tree = [
        (
            "",
            json!({
                "Vendor": "Contoso", "Oem": { "Contoso": {} },
                "Systems": link("Systems"), "Managers": link("Managers"), "Chassis": link("Chassis"), "Registries": link("Registries"),
                "AccountService": link("AccountService"), "CertificateService": link("CertificateService"),
                "EventService": link("EventService"), "UpdateService": link("UpdateService"), "Tasks": link("TaskService"),
            }),
        ),
        ("Systems", members("Systems/1")),
        (
            "Systems/1",
            json!({
                "Manufacturer": "Contoso", "Model": "3500", "SerialNumber": "SN-1", "SKU": "1", "UUID": "x", "PowerState": "On",
                "LocationIndicatorActive": true, "IndicatorLED": "Off", "Boot": { "BootSourceOverrideEnabled": "Once" },
                "Bios": link("Systems/1/Bios"), "SecureBoot": link("Systems/1/SecureBoot"), "Storage": link("Systems/1/Storage"),
                "SimpleStorage": link("Systems/1/SimpleStorage"), "Processors": link("Systems/1/Processors"),
                "Memory": link("Systems/1/Memory"), "EthernetInterfaces": link("Systems/1/EthernetInterfaces"),
                "LogServices": link("Systems/1/LogServices"), "VirtualMedia": link("Systems/1/VirtualMedia"),
                "Links": { "ManagedBy": [link("Managers/1")], "Chassis": [link("Chassis/1")] },
            }),
        ),
        (
            "Systems/1/Bios",
            json!({ "AttributeRegistry": "Bios.v1", "Attributes": { "A": "a" }, "@Redfish.Settings": { "SettingsObject": link("Systems/1/Bios/Settings") } }),
        ),
        ("Systems/1/Bios/Settings", json!({ "Attributes": { "A": "b" } })),
        ("Systems/1/SecureBoot", json!({ "SecureBootEnable": true, "SecureBootCurrentBoot": "Enabled" })),
        ("Systems/1/Storage", members("Systems/1/Storage/1")),
        (
            "Systems/1/Storage/1",
            json!({
                "Name": "RAID", "StorageControllers": [{ "Model": "M", "SupportedRAIDTypes": ["RAID1"] }],
                "Drives": [link("Systems/1/Storage/1/Drives/1")], "Volumes": link("Systems/1/Storage/1/Volumes"),
            }),
        ),
        ("Systems/1/Storage/1/Drives/1", json!({ "Model": "D", "CapacityBytes": 1, "Status": { "State": "Enabled" } })),
        ("Systems/1/Storage/1/Volumes", members("Systems/1/Storage/1/Volumes/1")),
        (
            "Systems/1/Storage/1/Volumes/1",
            json!({ "Name": "V", "RAIDType": "RAID1", "Links": { "Drives": [link("Systems/1/Storage/1/Drives/1")] } }),
        ),
        ("Systems/1/SimpleStorage", members("Systems/1/SimpleStorage/1")),
        ("Systems/1/SimpleStorage/1", json!({ "Devices": [{ "Name": "D" }] })),
        ("Systems/1/Processors", members("Systems/1/Processors/1")),
        ("Systems/1/Processors/1", json!({ "Socket": "CPU 1", "TotalCores": 8 })),
        ("Systems/1/Memory", members("Systems/1/Memory/1")),
        ("Systems/1/Memory/1", json!({ "CapacityMiB": 1024 })),
        ("Systems/1/EthernetInterfaces", members("Systems/1/EthernetInterfaces/1")),
        ("Systems/1/EthernetInterfaces/1", json!({ "MACAddress": "02:00:00:00:00:01" })),
        ("Systems/1/LogServices", members("Systems/1/LogServices/Log1")),
        ("Systems/1/LogServices/Log1", json!({ "Entries": link("Systems/1/LogServices/Log1/Entries") })),
        ("Systems/1/LogServices/Log1/Entries", members("Systems/1/LogServices/Log1/Entries/1")),
        ("Systems/1/LogServices/Log1/Entries/1", json!({ "Message": "m", "Created": "2026-11-25T00:00:00Z" })),
        ("Systems/1/VirtualMedia", members("Systems/1/VirtualMedia/1")),
        ("Systems/1/VirtualMedia/1", json!({ "MediaTypes": ["CD"], "Inserted": false })),
        ("Managers", members("Managers/1")),
        (
            "Managers/1",
            json!({ "Model": "BMC", "FirmwareVersion": "1.0", "NetworkProtocol": link("Managers/1/NetworkProtocol") }),
        ),
        (
            "Managers/1/NetworkProtocol",
            json!({ "NTP": { "ProtocolEnabled": true, "NTPServers": ["a"] }, "Telnet": { "ProtocolEnabled": true } }),
        ),
        ("Chassis", members("Chassis/1")),
        (
            "Chassis/1",
            json!({
                "Sensors": link("Chassis/1/Sensors"), "Thermal": link("Chassis/1/Thermal"), "Power": link("Chassis/1/Power"),
                "PowerSubsystem": link("Chassis/1/PowerSubsystem"),
            }),
        ),
        ("Chassis/1/Sensors", members("Chassis/1/Sensors/1")),
        ("Chassis/1/Sensors/1", json!({ "Name": "Inlet", "Reading": 21, "ReadingUnits": "Cel" })),
        ("Chassis/1/Thermal", json!({ "Temperatures": [{ "ReadingCelsius": 1 }], "Fans": [{ "Reading": 1 }] })),
        ("Chassis/1/Power", json!({ "Voltages": [{ "ReadingVolts": 1 }], "PowerSupplies": [{ "Model": "P" }] })),
        ("Chassis/1/PowerSubsystem", json!({ "PowerSupplies": link("Chassis/1/PowerSubsystem/PowerSupplies") })),
        ("Chassis/1/PowerSubsystem/PowerSupplies", members("Chassis/1/PowerSubsystem/PowerSupplies/1")),
        ("Chassis/1/PowerSubsystem/PowerSupplies/1", json!({ "Model": "P" })),
        ("Registries", members("Registries/Bios")),
        (
            "Registries/Bios",
            json!({ "Registry": "Bios.v1", "Location": [{ "Uri": "/redfish/v1/Registries/Bios/File" }] }),
        ),
        (
            "Registries/Bios/File",
            json!({ "RegistryEntries": { "Attributes": [{ "AttributeName": "A", "Type": "String" }] } }),
        ),
        (
            "AccountService",
            json!({ "Accounts": link("AccountService/Accounts"), "AccountLockoutThreshold": 3, "AccountLockoutDuration": 60 }),
        ),
        ("AccountService/Accounts", members("AccountService/Accounts/1")),
        ("AccountService/Accounts/1", json!({ "UserName": "admin", "RoleId": "Administrator", "Enabled": true })),
        ("CertificateService", json!({ "Actions": {} })),
        ("EventService", json!({ "Subscriptions": link("EventService/Subscriptions") })),
        ("EventService/Subscriptions", members("EventService/Subscriptions/1")),
        ("EventService/Subscriptions/1", json!({ "Destination": "syslog://a", "Protocol": "SyslogUDP" })),
        (
            "UpdateService",
            json!({ "ServiceEnabled": true, "FirmwareInventory": link("UpdateService/FirmwareInventory") }),
        ),
        ("UpdateService/FirmwareInventory", members("UpdateService/FirmwareInventory/1")),
        ("UpdateService/FirmwareInventory/1", json!({ "Name": "BIOS", "Version": "1.0", "Updateable": true })),
        ("TaskService", json!({ "Tasks": link("TaskService/Tasks") })),
        ("TaskService/Tasks", members("TaskService/Tasks/1")),
        ("TaskService/Tasks/1", json!({ "TaskState": "Completed", "PercentComplete": 100 })),
    ];
    tree.into_iter().map(|(path, body)| (format!("/redfish/v1/{path}"), body)).collect()
}

/// Where a resource of a type stands in the skeleton.
pub(crate) fn place(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ServiceRoot" => "",
        "ComputerSystemCollection" => "Systems",
        "ComputerSystem" => "Systems/1",
        "Bios" => "Systems/1/Bios",
        "SecureBoot" => "Systems/1/SecureBoot",
        "StorageCollection" => "Systems/1/Storage",
        "Storage" => "Systems/1/Storage/1",
        "Drive" => "Systems/1/Storage/1/Drives/1",
        "VolumeCollection" => "Systems/1/Storage/1/Volumes",
        "Volume" => "Systems/1/Storage/1/Volumes/1",
        "SimpleStorage" => "Systems/1/SimpleStorage/1",
        "ProcessorCollection" => "Systems/1/Processors",
        "Processor" => "Systems/1/Processors/1",
        "MemoryCollection" => "Systems/1/Memory",
        "Memory" => "Systems/1/Memory/1",
        "EthernetInterfaceCollection" => "Systems/1/EthernetInterfaces",
        "EthernetInterface" => "Systems/1/EthernetInterfaces/1",
        "LogServiceCollection" => "Systems/1/LogServices",
        "LogService" => "Systems/1/LogServices/Log1",
        "LogEntryCollection" => "Systems/1/LogServices/Log1/Entries",
        "LogEntry" => "Systems/1/LogServices/Log1/Entries/1",
        "VirtualMediaCollection" => "Systems/1/VirtualMedia",
        "VirtualMedia" => "Systems/1/VirtualMedia/1",
        "ManagerCollection" => "Managers",
        "Manager" => "Managers/1",
        "ManagerNetworkProtocol" => "Managers/1/NetworkProtocol",
        "ChassisCollection" => "Chassis",
        "Chassis" => "Chassis/1",
        "Sensor" => "Chassis/1/Sensors/1",
        "Thermal" => "Chassis/1/Thermal",
        "Power" => "Chassis/1/Power",
        "PowerSupply" => "Chassis/1/PowerSubsystem/PowerSupplies/1",
        "AttributeRegistry" => "Registries/Bios/File",
        "AccountService" => "AccountService",
        "ManagerAccount" => "AccountService/Accounts/1",
        "UpdateService" => "UpdateService",
        "SoftwareInventory" => "UpdateService/FirmwareInventory/1",
        "TaskService" => "TaskService",
        "TaskCollection" => "TaskService/Tasks",
        "Task" => "TaskService/Tasks/1",
        _ => return None,
    })
}
