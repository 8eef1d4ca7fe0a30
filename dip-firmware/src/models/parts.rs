//! What a model tells of its machine's parts and of the controller itself: sensors, log, light, certificate, receivers of its log.

use serde_json::json;

use super::maker::Maker;
use super::tree::{Tree, link, members};

/// The certificate that a model shows at first.
pub(super) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nZmlyc3Q=\n-----END CERTIFICATE-----\n";

pub(super) fn add(maker: Maker, tree: &mut Tree) {
    chassis(maker, tree);
    log(maker, tree);
    controller(maker, tree);
}

fn chassis(maker: Maker, tree: &mut Tree) {
    let path = "/redfish/v1/Chassis/1";
    tree.insert("/redfish/v1/Chassis".to_owned(), members(&[path.to_owned()]));
    tree.entry(maker.system().to_owned()).and_modify(|it| it["Links"]["Chassis"] = json!([link(path)]));
    let status = json!({ "State": "Enabled", "Health": "OK" });
    // The newer form and the older.
    if matches!(maker, Maker::Dell | Maker::OpenBmc) {
        let sensor = |id: &str| format!("{path}/Sensors/{id}");
        tree.insert(
            sensor("Inlet"),
            json!({ "Name": "Inlet", "Reading": 21.5, "ReadingUnits": "Cel", "Status": status }),
        );
        tree.insert(
            sensor("Fan1"),
            json!({ "Name": "Fan 1", "Reading": 5400, "ReadingUnits": "RPM", "Status": status }),
        );
        tree.insert(sensor("Dead"), json!({ "Name": "Dead", "Reading": null, "ReadingUnits": "V" }));
        tree.insert(format!("{path}/Sensors"), members(&["Inlet", "Fan1", "Dead"].map(sensor)));
        let supplies = format!("{path}/PowerSubsystem/PowerSupplies");
        tree.insert(format!("{path}/PowerSubsystem"), json!({ "PowerSupplies": link(&supplies) }));
        tree.insert(
            path.to_owned(),
            json!({ "Sensors": link(&format!("{path}/Sensors")), "PowerSubsystem": link(&format!("{path}/PowerSubsystem")) }),
        );
        return;
    }
    let temperature = json!({ "Name": "Inlet", "ReadingCelsius": 21.5, "Status": status });
    let dead = json!({ "Name": "Dead", "ReadingCelsius": null, "Status": { "State": "Enabled" } });
    let empty = json!({ "Name": "No CPU", "ReadingCelsius": 0, "Status": { "State": "Absent" } });
    let fan = json!({ "FanName": "Fan 1", "Reading": "54", "ReadingUnits": "Percent", "Status": status });
    tree.insert(format!("{path}/Thermal"), json!({ "Temperatures": [temperature, dead, empty], "Fans": [fan] }));
    tree.insert(format!("{path}/Power"), json!({ "PowerControl": [{ "PowerConsumedWatts": null }] }));
    tree.insert(
        path.to_owned(),
        json!({ "Thermal": link(&format!("{path}/Thermal")), "Power": link(&format!("{path}/Power")) }),
    );
}

/// The log of the hardware, newest first as Dell tells it, on two pages, beside one that is another's.
fn log(maker: Maker, tree: &mut Tree) {
    let (owner, name) = match maker {
        Maker::Dell => (maker.manager(), "Sel"),
        Maker::Hpe => (maker.system(), "IML"),
        Maker::Lenovo => (maker.system(), "ActiveLog"),
        Maker::Supermicro => (maker.system(), "Log1"),
        Maker::OpenBmc => (maker.system(), "EventLog"),
    };
    let services = format!("{owner}/LogServices");
    let log = format!("{services}/{name}");
    tree.insert(services.clone(), members(&[format!("{services}/AuditLog"), log.clone()]));
    tree.insert(format!("{services}/AuditLog"), json!({ "Entries": link(&format!("{services}/AuditLog/Entries")) }));
    tree.entry(owner.to_owned()).and_modify(|it| it["LogServices"] = link(&services));
    let clear = json!({ "#LogService.ClearLog": { "target": format!("{log}/Actions/LogService.ClearLog") } });
    tree.insert(log.clone(), json!({ "Entries": link(&format!("{log}/Entries")), "Actions": clear }));
    let entry = |number: usize| {
        json!({
            "@odata.id": format!("{log}/Entries/{number}"), "Id": number.to_string(), "Severity": "Warning", "SensorType": "Power Supply",
            "Created": format!("2026-11-2{number}T10:00:00+01:00"), "Message": format!("The power supply failed {number} times."),
        })
    };
    let next = format!("{log}/Entries?$skip=2");
    tree.insert(format!("{log}/Entries"), json!({ "Members": [entry(3), entry(2)], "Members@odata.nextLink": next }));
    tree.insert(next, json!({ "Members": [entry(1)] }));
}

fn controller(maker: Maker, tree: &mut Tree) {
    let manager = maker.manager();
    let certificates = format!("{manager}/NetworkProtocol/HTTPS/Certificates");
    tree.insert(format!("{certificates}/1"), json!({ "CertificateString": CERTIFICATE, "CertificateType": "PEM" }));
    tree.insert(certificates.clone(), members(&[format!("{certificates}/1")]));
    tree.entry(format!("{manager}/NetworkProtocol")).and_modify(|it| {
        it["HTTPS"] = json!({ "ProtocolEnabled": true, "Certificates": link(&certificates) });
        it["Telnet"] = json!({ "ProtocolEnabled": true });
        it["SNMP"] = json!({ "ProtocolEnabled": true, "EnableSNMPv1": true, "EnableSNMPv2c": false });
    });
    let action =
        |name: &str| json!({ "target": format!("/redfish/v1/CertificateService/Actions/CertificateService.{name}") });
    let actions = json!({
        "#CertificateService.GenerateCSR": action("GenerateCSR"), "#CertificateService.ReplaceCertificate": action("ReplaceCertificate"),
    });
    tree.insert("/redfish/v1/CertificateService".to_owned(), json!({ "Actions": actions }));
    match maker {
        Maker::Hpe => {}
        Maker::Dell => {
            let attributes = format!("{manager}/Oem/Dell/DellAttributes/iDRAC.Embedded.1");
            tree.entry(manager.to_owned()).and_modify(|it| {
                let system = link(&format!("{manager}/Oem/Dell/DellAttributes/System.Embedded.1"));
                it["Links"]["Oem"] = json!({ "Dell": { "DellAttributes": [system, link(&attributes)] } });
            });
            let told = json!({ "SysLog.1.SysLogEnable": "Disabled", "SysLog.1.Server1": "", "SysLog.1.Server2": "", "SysLog.1.Server3": "" });
            tree.insert(attributes, json!({ "Attributes": told }));
        }
        Maker::Lenovo | Maker::Supermicro | Maker::OpenBmc => {
            let list = "/redfish/v1/EventService/Subscriptions";
            tree.insert("/redfish/v1/EventService".to_owned(), json!({ "Subscriptions": link(list) }));
            // Somebody else's, which has nothing to do with the log.
            tree.insert(
                format!("{list}/1"),
                json!({ "Destination": "https://192.0.2.9/events", "Protocol": "Redfish" }),
            );
            tree.insert(list.to_owned(), members(&[format!("{list}/1")]));
            tree.entry("/redfish/v1".to_owned()).and_modify(|it| it["EventService"] = link("/redfish/v1/EventService"));
        }
    }
}
