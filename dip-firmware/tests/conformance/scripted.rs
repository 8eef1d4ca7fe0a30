//! The Redfish provider against answers that no emulator gives: sessions, ETags, pages, busy services, makers' oddities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{BootDevice, Identity};
use dip_core::provider::{ErrorKind, PowerAction, Retry, sentence};
use dip_core::secret::Secret;
use dip_firmware::provider::{Bmc, BootMode, BootOverride, NotActed, Persistence};
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::{Answer, Request};
use dip_firmware::quirks::{Entry, Quirk};
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::{Value, json};

use crate::http::Server;
use crate::machine::expect;

const SYSTEM: &str = "/redfish/v1/Systems/1";

pub(crate) fn trials() -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => { vec![$(Trial::new(stringify!($name), $name)),*] };
    }
    let trials = trials![
        a_machine_of_one_maker_is_read,
        a_machine_of_another_maker_is_read_despite_its_oddities,
        a_service_that_tells_hardly_anything_says_what_it_lacks,
        a_session_is_opened_once_renewed_when_it_ends_and_closed,
        a_client_that_is_dropped_closes_its_session,
        a_wrong_password_is_denied_at_the_session,
        a_session_that_cannot_be_opened_has_changed_nothing,
        a_service_that_still_starts_is_asked_again_how_to_log_in,
        a_change_names_the_version_it_was_decided_on_and_is_decided_anew_once,
        a_version_is_named_as_the_maker_compares_it,
        the_number_on_the_label_is_told_where_the_site_says_so,
        a_busy_service_says_when_to_come_back,
        systems_are_found_on_every_page_by_absolute_links_too,
        a_cycle_without_an_answer_is_not_repeated,
        a_redirected_change_is_not_taken_for_done,
        a_password_is_not_sent_to_another_service,
    ];
    trials.into_iter().map(|trial| trial.on("scripted redfish")).collect()
}

fn client(server: &Server) -> Redfish {
    client_of(server, None)
}

fn client_of(server: &Server, system: Option<&str>) -> Redfish {
    let settings = RedfishSettings {
        port: Some(server.addr.port()),
        scheme: Scheme::Http,
        system: system.map(str::to_owned),
        ..RedfishSettings::default()
    };
    Redfish::new("127.0.0.1", "admin", &Secret::new("secret".to_owned()), &settings).expect("the settings are sound")
}

/// A service without sessions, with one system.
fn service(system: Value) -> BTreeMap<String, Value> {
    [
        ("/redfish/v1/".to_owned(), json!({ "Systems": { "@odata.id": "/redfish/v1/Systems" } })),
        ("/redfish/v1/Systems".to_owned(), json!({ "Members": [{ "@odata.id": SYSTEM }] })),
        (SYSTEM.to_owned(), system),
    ]
    .into()
}

fn lookup(tree: &BTreeMap<String, Value>, request: &Request) -> Option<Answer> {
    Some(match (request.method.as_str(), tree.get(&request.path)) {
        ("GET", Some(body)) => Answer::json(body),
        ("GET", None) => Answer::status(404),
        _ => Answer::status(204),
    })
}

async fn serve(tree: BTreeMap<String, Value>) -> std::io::Result<Server> {
    Server::start(move |request| lookup(&tree, request)).await
}

async fn request(bmc: &Redfish, action: PowerAction) -> Result<(), Failure> {
    Ok(bmc.power().ok_or("Redfish has power")?.request(action).await?)
}

async fn a_machine_of_one_maker_is_read() -> Result<Verdict, Failure> {
    let server = serve(service(json!({
        "Manufacturer": "Dell Inc.", "Model": "PowerEdge R6415", "SerialNumber": "CN7016300001", "SKU": "ABC1234",
        "UUID": "4C4C4544-0041-4210-8043-B1C04F313233", "PowerState": "On",
        "Boot": {
            "BootOrder": ["NIC.1", "HardDisk.1"], "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideMode": "Legacy",
            "BootSourceOverrideTarget": "None", "UefiTargetBootSourceOverride": null,
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "UefiHttp"],
        },
        "Actions": { "#ComputerSystem.Reset": {
            "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
            "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "PushPowerButton", "PowerCycle"],
        }},
    })))
    .await?;
    let bmc = client(&server);
    let identity = Identity {
        manufacturer: Some("Dell Inc.".to_owned()),
        model: Some("PowerEdge R6415".to_owned()),
        serial: Some("CN7016300001".to_owned()),
        uuid: Some("4c4c4544-0041-4210-8043-b1c04f313233".to_owned()),
        ..Identity::default()
    };
    expect(bmc.identity().await? == identity, "the identity is told", &identity)?;
    let boot = bmc.boot().ok_or("Redfish has a boot device")?;
    let seen = boot.boot_override().await?;
    expect((seen.device, seen.mode) == (Some(BootDevice::Default), Some(BootMode::Bios)), "no override", seen)?;
    boot.set_boot_override(BootOverride::once(BootDevice::Disk)).await?;
    request(&bmc, PowerAction::Cycle).await?;
    // It is on already: nothing is asked for.
    request(&bmc, PowerAction::On).await?;
    let changes = server.changes();
    let wanted = [
        r#"PATCH /redfish/v1/Systems/1 {"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Hdd"}}"#,
        r#"POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset {"ResetType":"PowerCycle"}"#,
    ];
    expect(changes == wanted, "these changes and no others", &changes)?;
    let authorization = server.asked().last().and_then(|last| last.header("authorization").map(str::to_owned));
    expect(
        authorization.is_some_and(|value| value.starts_with("Basic ")),
        "without sessions the basic way is taken",
        (),
    )?;
    let Err(error) = boot.set_boot_override(BootOverride::once(BootDevice::Cdrom)).await else {
        return Err("it has no optical drive".into());
    };
    expect(
        error.kind() == ErrorKind::Unsupported && NotActed::is_cause_of(&error),
        "it cannot boot from CD",
        sentence(&error),
    )?;
    Ok(Verdict::Passed)
}

async fn a_machine_of_another_maker_is_read_despite_its_oddities() -> Result<Verdict, Failure> {
    let mut tree = service(json!({
        "@odata.etag": "\"27ff\"", "Manufacturer": "Supermicro", "Model": "SYS-510T", "SerialNumber": "To be filled by O.E.M.",
        "UUID": "00000000-0000-0000-0000-000000000000", "PowerState": "On", "BootOptions": {},
        "Boot": {
            "BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideMode": "UEFI", "BootSourceOverrideTarget": "Hdd",
            "BootNext": null,
        },
        "Actions": { "#ComputerSystem.Reset": {
            "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
            "@Redfish.ActionInfo": "/redfish/v1/Systems/1/ResetActionInfo",
        }},
    }));
    tree.insert(
        "/redfish/v1/Systems/1/ResetActionInfo".to_owned(),
        json!({ "Parameters": [{
            "Name": "ResetType", "Required": true,
            "AllowableValues": ["On", "ForceOff", "GracefulShutdownGracefulRestart", "ForceRestart"],
        }] }),
    );
    let server = serve(tree).await?;
    let bmc = client(&server);
    let seen = bmc.identity().await?;
    expect(seen.serial.is_none() && seen.uuid.is_none(), "what nobody filled in is not told", &seen)?;
    let seen = bmc.boot().ok_or("Redfish has a boot device")?.boot_override().await?;
    let always = BootOverride::always(BootDevice::Disk);
    expect(seen.agrees_with(&always) && seen.persistence == Some(Persistence::Always), "always the disk", seen)?;
    request(&bmc, PowerAction::Shutdown).await?;
    request(&bmc, PowerAction::Cycle).await?;
    let changes = server.changes();
    let wanted = ["GracefulShutdown", "ForceRestart"]
        .map(|kind| format!(r#"POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset {{"ResetType":"{kind}"}}"#));
    expect(changes == wanted, "the resets that it lists", &changes)?;
    Ok(Verdict::Passed)
}

async fn a_service_that_tells_hardly_anything_says_what_it_lacks() -> Result<Verdict, Failure> {
    let server = serve(service(json!({ "Id": "1" }))).await?;
    let bmc = client(&server);
    expect(bmc.identity().await? == Identity::default(), "nothing is told", ())?;
    let Err(error) = bmc.power().ok_or("Redfish has power")?.state().await else {
        return Err("it made up a state".into());
    };
    expect(error.kind() == ErrorKind::Unsupported, "it lacks the power state", sentence(&error))?;
    let Err(error) = bmc.boot().ok_or("Redfish has a boot device")?.boot_override().await else {
        return Err("it made up a boot device".into());
    };
    expect(error.kind() == ErrorKind::Unsupported, "it lacks the boot device", sentence(&error))?;
    Ok(Verdict::Passed)
}

/// A service with sessions: the token changes with every session; session 1 ends after three requests.
fn with_sessions(opened: Arc<AtomicUsize>) -> impl Fn(&Request) -> Option<Answer> + Send + Sync {
    let mut tree = service(json!({ "SerialNumber": "SN-1", "PowerState": "On" }));
    tree.insert(
        "/redfish/v1/".to_owned(),
        json!({
            "Systems": { "@odata.id": "/redfish/v1/Systems" },
            "Links": { "Sessions": { "@odata.id": "/redfish/v1/SessionService/Sessions" } },
        }),
    );
    let used = AtomicUsize::new(0);
    move |request| {
        if request.method == "POST" {
            let wanted = json!({ "UserName": "admin", "Password": "secret" });
            if serde_json::from_str::<Value>(&request.body).ok()? != wanted {
                return Some(Answer::status(400));
            }
            let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
            let location = format!("/redfish/v1/SessionService/Sessions/{number}");
            return Some(
                Answer::json(&json!({})).with("X-Auth-Token", format!("token-{number}")).with("Location", location),
            );
        }
        let number = opened.load(Ordering::SeqCst);
        let signed = request.header("x-auth-token") == Some(&format!("token-{number}"));
        let is_root = request.path == "/redfish/v1/";
        let ended = signed && number == 1 && used.fetch_add(1, Ordering::SeqCst) >= 3;
        if is_root && !signed || signed && !ended { lookup(&tree, request) } else { Some(Answer::status(401)) }
    }
}

async fn a_session_is_opened_once_renewed_when_it_ends_and_closed() -> Result<Verdict, Failure> {
    let opened = Arc::new(AtomicUsize::new(0));
    let server = Server::start(with_sessions(Arc::clone(&opened))).await?;
    let bmc = client(&server);
    for _ in 0..4 {
        expect(bmc.identity().await?.serial.as_deref() == Some("SN-1"), "the machine is read", ())?;
    }
    expect(opened.load(Ordering::SeqCst) == 2, "one session, and one after it ended", opened.load(Ordering::SeqCst))?;
    let tokens = server.asked().iter().filter(|request| request.header("authorization").is_some()).count();
    expect(tokens == 0, "the password goes out with the login alone", tokens)?;
    bmc.close().await;
    let last = server.asked().last().map(Request::line);
    expect(last.as_deref() == Some("DELETE /redfish/v1/SessionService/Sessions/2"), "the session is closed", &last)?;
    Ok(Verdict::Passed)
}

async fn a_client_that_is_dropped_closes_its_session() -> Result<Verdict, Failure> {
    let server = Server::start(with_sessions(Arc::new(AtomicUsize::new(0)))).await?;
    let bmc = client(&server);
    bmc.identity().await?;
    drop(bmc);
    for _ in 0..50 {
        let last = server.asked().last().map(Request::line);
        if last.as_deref() == Some("DELETE /redfish/v1/SessionService/Sessions/1") {
            return Ok(Verdict::Passed);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("the session is still open; asked: {:?}", server.asked()).into())
}

async fn a_wrong_password_is_denied_at_the_session() -> Result<Verdict, Failure> {
    let server = Server::start(with_sessions(Arc::new(AtomicUsize::new(0)))).await?;
    let settings =
        RedfishSettings { port: Some(server.addr.port()), scheme: Scheme::Http, ..RedfishSettings::default() };
    let bmc = Redfish::new("127.0.0.1", "admin", &Secret::new("hunter2".to_owned()), &settings)?;
    let Err(error) = bmc.identity().await else { return Err("it was let in".into()) };
    expect((error.kind(), error.retry()) == (ErrorKind::Denied, Retry::Never), "it is denied", sentence(&error))?;
    expect(!sentence(&error).contains("hunter2"), "the password is not told", sentence(&error))?;
    expect(server.changes().len() == 1, "it was tried once", server.changes().len())?;
    Ok(Verdict::Passed)
}

async fn a_session_that_cannot_be_opened_has_changed_nothing() -> Result<Verdict, Failure> {
    let sessions = with_sessions(Arc::new(AtomicUsize::new(0)));
    let server = Server::start(move |request| if request.method == "POST" { None } else { sessions(request) }).await?;
    let power = client(&server).power().ok_or("Redfish has power")?;
    let Err(error) = power.request(PowerAction::Cycle).await else { return Err("there was no session".into()) };
    expect(error.kind() == ErrorKind::Unreachable, "nobody answered", sentence(&error))?;
    expect(NotActed::is_cause_of(&error), "another protocol may be tried", sentence(&error))?;
    Ok(Verdict::Passed)
}

async fn a_service_that_still_starts_is_asked_again_how_to_log_in() -> Result<Verdict, Failure> {
    let opened = Arc::new(AtomicUsize::new(0));
    let sessions = with_sessions(Arc::clone(&opened));
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Some(Answer::status(503)),
        _ => sessions(request),
    })
    .await?;
    let bmc = client(&server);
    let Err(error) = bmc.identity().await else { return Err("it was not ready".into()) };
    expect((error.kind(), error.retry()) == (ErrorKind::Busy, Retry::Backoff), "it is busy", sentence(&error))?;
    expect(bmc.identity().await?.serial.as_deref() == Some("SN-1"), "then it answers", ())?;
    expect(opened.load(Ordering::SeqCst) == 1, "in a session", opened.load(Ordering::SeqCst))?;
    Ok(Verdict::Passed)
}

async fn a_change_names_the_version_it_was_decided_on_and_is_decided_anew_once() -> Result<Verdict, Failure> {
    for (refusals, wanted) in [(0, Ok(())), (1, Ok(())), (2, Err(ErrorKind::Busy))] {
        let tree = service(json!({ "Boot": { "BootSourceOverrideEnabled": "Disabled" } }));
        let version = AtomicUsize::new(1);
        let server = Server::start(move |request| {
            if request.path != SYSTEM {
                return lookup(&tree, request);
            }
            let now = version.load(Ordering::SeqCst);
            if request.method == "GET" {
                return lookup(&tree, request).map(|answer| answer.with("ETag", format!("W/\"{now}\"")));
            }
            let matches = request.header("if-match") == Some(&format!("W/\"{now}\""));
            // Somebody else changes the system before the first changes come.
            version.fetch_add(1, Ordering::SeqCst);
            Some(Answer::status(if matches && now > refusals { 200 } else { 412 }))
        })
        .await?;
        let boot = client(&server).boot().ok_or("Redfish has a boot device")?;
        let set = boot.set_boot_override(BootOverride::once(BootDevice::Network)).await;
        let patches = server.changes().len();
        expect(
            set.as_ref().map_err(|error| error.kind()) == wanted.as_ref().map_err(|kind| *kind),
            "one refusal is overcome",
            &set,
        )?;
        expect(patches == (refusals + 1).min(2), "it is tried twice at most", patches)?;
    }
    Ok(Verdict::Passed)
}

async fn a_version_is_named_as_the_maker_compares_it() -> Result<Verdict, Failure> {
    let told = "\"27ff\"";
    for (vendor, own, wanted) in [
        ("Contoso", None, Some(told)),
        ("Intel", None, Some("27ff")),
        ("AMI", None, Some("*")),
        ("Contoso", Some(Quirk::IfMatchNever), None),
    ] {
        let mut tree = service(json!({ "Boot": {}, "@odata.etag": told }));
        tree.insert(
            "/redfish/v1/".to_owned(),
            json!({ "Vendor": vendor, "Systems": { "@odata.id": "/redfish/v1/Systems" } }),
        );
        let server = serve(tree).await?;
        let bmc = knowing(&server, own);
        bmc.boot().ok_or("Redfish has a boot device")?.set_boot_override(BootOverride::once(BootDevice::Disk)).await?;
        let sent = server.asked().last().and_then(|last| last.header("if-match").map(str::to_owned));
        expect(sent.as_deref() == wanted, &format!("{vendor} is told {wanted:?}"), &sent)?;
    }
    Ok(Verdict::Passed)
}

async fn the_number_on_the_label_is_told_where_the_site_says_so() -> Result<Verdict, Failure> {
    let server = serve(service(json!({ "SerialNumber": "CN7016300001", "SKU": "ABC1234" }))).await?;
    for (own, wanted) in [(None, "CN7016300001"), (Some(Quirk::SerialIsSku), "ABC1234")] {
        let serial = knowing(&server, own).identity().await?.serial;
        expect(serial.as_deref() == Some(wanted), "the number that is wanted", &serial)?;
    }
    Ok(Verdict::Passed)
}

/// A client that is told of a quirk by its site.
fn knowing(server: &Server, quirk: Option<Quirk>) -> Redfish {
    let entry = |quirk| Entry {
        quirk,
        holds: true,
        vendor: None,
        model: None,
        firmware: None,
        source: "this trial".to_owned(),
    };
    let settings = RedfishSettings {
        port: Some(server.addr.port()),
        scheme: Scheme::Http,
        quirks: quirk.map(entry).into_iter().collect(),
        ..RedfishSettings::default()
    };
    Redfish::new("127.0.0.1", "admin", &Secret::new("secret".to_owned()), &settings).expect("the settings are sound")
}

async fn a_busy_service_says_when_to_come_back() -> Result<Verdict, Failure> {
    let tree = service(json!({}));
    let server = Server::start(move |request| {
        if request.path == SYSTEM {
            return Some(Answer::status(503).with("Retry-After", "7"));
        }
        lookup(&tree, request)
    })
    .await?;
    let Err(error) = client(&server).identity().await else { return Err("it answered".into()) };
    let seen = (error.kind(), error.retry());
    expect(seen == (ErrorKind::Busy, Retry::After(Duration::from_secs(7))), "it is busy for 7 seconds", seen)?;
    Ok(Verdict::Passed)
}

async fn systems_are_found_on_every_page_by_absolute_links_too() -> Result<Verdict, Failure> {
    let mut tree = service(json!({}));
    let system = |number: u8| json!({ "SerialNumber": format!("SN-{number}") });
    tree.insert(
        "/redfish/v1/Systems".to_owned(),
        json!({ "Members": [{ "@odata.id": "/redfish/v1/Systems/1" }], "Members@odata.nextLink": "/redfish/v1/Systems?$skip=1" }),
    );
    tree.insert("/redfish/v1/Systems/1".to_owned(), system(1));
    tree.insert("/redfish/v1/Systems/blade-2".to_owned(), system(2));
    let server = Server::start(move |request| {
        if request.path == "/redfish/v1/Systems?$skip=1" {
            let host = request.header("host")?;
            return Some(Answer::json(&json!({
                "Members": [{ "@odata.id": format!("http://{host}/redfish/v1/Systems/blade-2") }],
            })));
        }
        lookup(&tree, request)
    })
    .await?;
    let serial = client_of(&server, Some("blade-2")).identity().await?.serial;
    expect(serial.as_deref() == Some("SN-2"), "the system of the second page", &serial)?;
    let serial = client_of(&server, Some("/redfish/v1/Systems/1")).identity().await?.serial;
    expect(serial.as_deref() == Some("SN-1"), "the system by its path", &serial)?;
    let Err(error) = client(&server).identity().await else { return Err("it guessed".into()) };
    expect(sentence(&error).contains("`1`, `blade-2`"), "both are listed", sentence(&error))?;
    Ok(Verdict::Passed)
}

async fn a_cycle_without_an_answer_is_not_repeated() -> Result<Verdict, Failure> {
    let tree = service(json!({
        "PowerState": "On",
        "Actions": { "#ComputerSystem.Reset": { "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset" } },
    }));
    // The BMC restarts with its machine: the connection ends without an answer.
    let server =
        Server::start(move |request| (request.method == "GET").then(|| lookup(&tree, request)).flatten()).await?;
    let power = client(&server).power().ok_or("Redfish has power")?;
    let Err(error) = power.request(PowerAction::Cycle).await else { return Err("there was no answer".into()) };
    expect(error.kind() == ErrorKind::Unreachable, "nobody answered", sentence(&error))?;
    expect(!NotActed::is_cause_of(&error), "it may have acted", sentence(&error))?;
    expect(server.changes().len() == 1, "it was sent once", server.changes())?;
    Ok(Verdict::Passed)
}

async fn a_redirected_change_is_not_taken_for_done() -> Result<Verdict, Failure> {
    let tree = service(json!({ "Boot": {} }));
    let server = Server::start(move |request| match request.method.as_str() {
        // Some services know their root without the slash alone; reading follows them.
        "GET" if request.path == "/redfish/v1/" => Some(Answer::status(308).with("Location", "/redfish/v1")),
        "GET" if request.path == "/redfish/v1" => tree.get("/redfish/v1/").map(Answer::json),
        "GET" => lookup(&tree, request),
        _ => Some(Answer::status(303).with("Location", SYSTEM)),
    })
    .await?;
    let bmc = client(&server);
    bmc.identity().await?;
    let boot = bmc.boot().ok_or("Redfish has a boot device")?;
    let Err(error) = boot.set_boot_override(BootOverride::once(BootDevice::Disk)).await else {
        return Err("the page that it leads to was taken for the change".into());
    };
    expect(error.kind() == ErrorKind::Invalid, "it says where it leads", sentence(&error))?;
    Ok(Verdict::Passed)
}

async fn a_password_is_not_sent_to_another_service() -> Result<Verdict, Failure> {
    let stranger = Server::start(|_| Some(Answer::json(&json!({ "SerialNumber": "SN-1" })))).await?;
    let mut tree = service(json!({}));
    let elsewhere = format!("http://{}/redfish/v1/Systems/1", stranger.addr);
    tree.insert("/redfish/v1/Systems".to_owned(), json!({ "Members": [{ "@odata.id": elsewhere }] }));
    let server = serve(tree).await?;
    let Err(error) = client(&server).identity().await else { return Err("it followed the link".into()) };
    expect(sentence(&error).contains("leads to another service"), "it says so", sentence(&error))?;
    expect(stranger.asked().is_empty(), "nobody spoke to the stranger", stranger.asked())?;
    Ok(Verdict::Passed)
}
