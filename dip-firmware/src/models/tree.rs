//! The resources of a model, as its maker tells them, made smaller.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::maker::Maker;

pub(super) type Tree = BTreeMap<String, Value>;

pub(super) fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

pub(super) fn members(paths: &[String]) -> Value {
    json!({ "Members@odata.count": paths.len(), "Members": paths.iter().map(|path| link(path)).collect::<Vec<_>>() })
}

pub(super) fn tree(maker: Maker, administrator: &str) -> Tree {
    let mut tree = Tree::new();
    service(maker, &mut tree);
    system(maker, &mut tree);
    manager(maker, &mut tree);
    accounts(maker, administrator, &mut tree);
    super::parts::add(maker, &mut tree);
    tree
}

fn service(maker: Maker, tree: &mut Tree) {
    let (vendor, product) = match maker {
        Maker::Dell => (json!("Dell"), json!("Integrated Dell Remote Access Controller")),
        Maker::Hpe => (json!("HPE"), json!("ProLiant DL360 Gen10")),
        Maker::Lenovo => (Value::Null, Value::Null),
        Maker::Supermicro => (json!("Supermicro"), Value::Null),
        Maker::OpenBmc => (json!("NVIDIA"), json!("GB200 NVL")),
    };
    let v1 = |path: &str| link(&format!("/redfish/v1/{path}"));
    tree.insert(
        "/redfish/v1".to_owned(),
        json!({
            "RedfishVersion": "1.15.0", "Vendor": vendor, "Product": product, "Oem": if maker == Maker::Lenovo { json!({ "Lenovo": {} }) } else { json!({}) },
            "Systems": v1("Systems"), "Managers": v1("Managers"), "Chassis": v1("Chassis"), "Registries": v1("Registries"),
            "AccountService": v1("AccountService"), "UpdateService": v1("UpdateService"), "Tasks": v1("TaskService"),
            "CertificateService": v1("CertificateService"), "Links": { "Sessions": v1("SessionService/Sessions") },
        }),
    );
    // Supermicro's says nothing of it.
    if maker != Maker::Supermicro {
        let expand = json!({ "ExpandAll": maker != Maker::Hpe, "Levels": true, "Links": false, "MaxLevels": 1, "NoLinks": true });
        tree.entry("/redfish/v1".to_owned())
            .and_modify(|it| it["ProtocolFeaturesSupported"] = json!({ "ExpandQuery": expand }));
    }
    tree.insert("/redfish/v1/Systems".to_owned(), members(&[maker.system().to_owned()]));
    tree.insert("/redfish/v1/Managers".to_owned(), members(&[maker.manager().to_owned()]));
    tree.insert("/redfish/v1/TaskService".to_owned(), json!({ "Tasks": v1("TaskService/Tasks") }));
    tree.insert("/redfish/v1/TaskService/Tasks".to_owned(), members(&[]));
    tree.insert(
        "/redfish/v1/Registries".to_owned(),
        members(&["/redfish/v1/Registries/BiosAttributeRegistry.v1_0_3".to_owned()]),
    );
    tree.insert(
        "/redfish/v1/Registries/BiosAttributeRegistry.v1_0_3".to_owned(),
        json!({ "Registry": "BiosAttributeRegistry.v1_0_3", "Location": [{ "Language": "en", "Uri": "/redfish/v1/Registries/Bios.json" }] }),
    );
    let target = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
    let mut update = json!({
        "ServiceEnabled": true, "FirmwareInventory": v1("UpdateService/FirmwareInventory"),
        "Actions": { "#UpdateService.SimpleUpdate": { "target": target, "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS"] } },
    });
    match maker {
        Maker::Hpe | Maker::OpenBmc => update["HttpPushUri"] = json!("/redfish/v1/UpdateService/update"),
        _ => update["MultipartHttpPushUri"] = json!("/redfish/v1/UpdateService/MultipartUpload"),
    }
    tree.insert("/redfish/v1/UpdateService".to_owned(), update);
}

fn system(maker: Maker, tree: &mut Tree) {
    let path = maker.system();
    let sub = |name: &str| link(&format!("{path}/{name}"));
    let (manufacturer, model) = maker.machine();
    let targets: &[&str] = match maker {
        Maker::Supermicro => &["None", "Pxe", "Floppy", "Cd", "Usb", "Hdd", "BiosSetup", "UsbCd", "UefiHttp"],
        Maker::OpenBmc => &["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp", "Usb"],
        _ => &["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp"],
    };
    let resets: &[&str] = match maker {
        Maker::Hpe => {
            &["On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi", "PushPowerButton", "GracefulRestart"]
        }
        Maker::Dell => &["On", "ForceOff", "ForceRestart", "GracefulShutdown", "PushPowerButton", "Nmi", "PowerCycle"],
        _ => &["On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "ForceOn"],
    };
    let boot = json!({
        "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI",
        "BootSourceOverrideTarget@Redfish.AllowableValues": targets,
    });
    let mut system = json!({
        "Id": path.rsplit('/').next(), "Manufacturer": manufacturer, "Model": model,
        "SKU": if maker == Maker::Lenovo { "7D9RCTOLWW" } else { "" }, "IndicatorLED": "Off", "Boot": boot,
        "Bios": sub("Bios"), "SecureBoot": sub("SecureBoot"), "Storage": sub("Storage"), "Processors": sub("Processors"),
        "Memory": sub("Memory"), "EthernetInterfaces": sub("EthernetInterfaces"),
        "Links": { "ManagedBy": [link(maker.manager())], "Chassis": [] },
        "Actions": { "#ComputerSystem.Reset": {
            "target": format!("{path}/Actions/ComputerSystem.Reset"), "ResetType@Redfish.AllowableValues": resets,
        }},
    });
    if maker == Maker::Dell {
        system["VirtualMedia"] = sub("VirtualMedia");
    }
    if let Some(settings) = maker.settings() {
        system["@Redfish.Settings"] = json!({ "SettingsObject": link(&settings) });
        tree.insert(settings, json!({ "Boot": {} }));
    }
    tree.insert(path.to_owned(), system);
    // Where HPE writes small letters, links end with a slash too.
    let pending = format!("{}{}", maker.bios_settings(), if maker == Maker::Hpe { "/" } else { "" });
    tree.insert(
        format!("{path}/Bios"),
        json!({
            "AttributeRegistry": "BiosAttributeRegistry.v1_0_3", "@Redfish.Settings": { "SettingsObject": link(&pending) },
        }),
    );
}

fn manager(maker: Maker, tree: &mut Tree) {
    let path = maker.manager();
    let (model, _) = maker.controller();
    let mut manager = json!({
        "ManagerType": "BMC", "Model": model, "NetworkProtocol": link(&format!("{path}/NetworkProtocol")),
        "Links": { "ManagerForServers": [link(maker.system())] },
        "Actions": { "#Manager.Reset": {
            "target": format!("{path}/Actions/Manager.Reset"), "ResetType@Redfish.AllowableValues": ["GracefulRestart", "ForceRestart"],
        }},
    });
    let media = maker.media();
    let collection = media.rsplit_once('/').map(|(collection, _)| collection.to_owned()).unwrap_or_default();
    let mut drive = json!({ "MediaTypes": ["CD", "DVD"], "Image": null, "Inserted": false, "WriteProtected": true });
    if maker != Maker::Lenovo {
        let action = |name: &str| json!({ "target": format!("{media}/Actions/VirtualMedia.{name}") });
        drive["Actions"] = json!({ "#VirtualMedia.InsertMedia": action("InsertMedia"), "#VirtualMedia.EjectMedia": action("EjectMedia") });
    }
    tree.insert(media.clone(), drive);
    tree.insert(collection.clone(), members(&[media]));
    if maker != Maker::Dell {
        manager["VirtualMedia"] = link(&collection);
    }
    tree.insert(path.to_owned(), manager);
    let mut network = json!({ "NTP": { "ProtocolEnabled": false, "NTPServers": ["", "", null] } });
    if maker == Maker::Hpe {
        network["Oem"] =
            json!({ "Hpe": { "RemoteSyslogEnabled": false, "RemoteSyslogServer": "", "RemoteSyslogPort": 514 } });
    }
    tree.insert(format!("{path}/NetworkProtocol"), network);
}

fn accounts(maker: Maker, administrator: &str, tree: &mut Tree) {
    let path = |id: usize| format!("/redfish/v1/AccountService/Accounts/{id}");
    let user = |name: &str, role: &str| json!({ "UserName": name, "RoleId": role, "Enabled": !name.is_empty(), "Password": null });
    // Dell's places are all there from the start; the first is not for users.
    let places = if maker == Maker::Dell { 1..5 } else { 1..2 };
    let admin = if maker == Maker::Dell { 2 } else { 1 };
    let none = if maker == Maker::Dell { "None" } else { "" };
    for id in places.clone() {
        tree.insert(path(id), if id == admin { user(administrator, "Administrator") } else { user("", none) });
    }
    tree.insert("/redfish/v1/AccountService/Accounts".to_owned(), members(&places.map(path).collect::<Vec<_>>()));
    tree.insert(
        "/redfish/v1/AccountService".to_owned(),
        json!({ "Accounts": link("/redfish/v1/AccountService/Accounts"), "AccountLockoutThreshold": 5, "AccountLockoutDuration": 0 }),
    );
}
