//! The Redfish provider against services that were recorded from machines: every ability is asked of every tree, and of every single
//! resource within a service of our own. What a recording lacks is told as lacking; nothing else may go wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, ProviderError, sentence};
use dip_core::secret::Secret;
use dip_firmware::provider::{Bmc, Hardware, TaskRef};
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::Answer;
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::{Value, json};

use crate::http::Server;
use crate::machine::expect;
use crate::skeleton::{place, skeleton};

/// A directory with recorded Redfish answers, for whoever has some: one `index.json` for each URI, or single resources.
const SAMPLES: &str = "DIP_REDFISH_SAMPLES";

/// A file that is written with what they told.
const TOLD: &str = "DIP_REDFISH_TOLD";

pub(crate) fn trials() -> Vec<Trial> {
    let trials = vec![
        Trial::new("every_recorded_service_is_read", every_recorded_service_is_read),
        Trial::new("a_service_that_is_wrong_in_every_field_is_read", a_service_that_is_wrong_in_every_field_is_read),
    ];
    trials.into_iter().map(|trial| trial.on("recorded redfish")).collect()
}

async fn every_recorded_service_is_read() -> Result<Verdict, Failure> {
    let Some(samples) = std::env::var_os(SAMPLES).map(PathBuf::from) else {
        return Ok(Verdict::Ignored(format!(
            "no recorded services are at hand: set {SAMPLES} to a directory that holds some"
        )));
    };
    let (mut told, mut single) = (Vec::new(), 0);
    for root in roots(&samples)? {
        let seen = read_tree(&root).await.map_err(|error| format!("{}: {error}", root.display()))?;
        told.push(format!("{}: {seen}", root.display()));
    }
    for file in files(&samples)? {
        let Ok(resource) = serde_json::from_slice::<Value>(&std::fs::read(&file)?) else { continue };
        single += read_resource(&resource).await.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    told.push(format!("{single} single resources"));
    // Whoever wants to see what was told asks for it: `DIP_REDFISH_TOLD=<file>`.
    if let Some(file) = std::env::var_os(TOLD) {
        std::fs::write(file, told.join("\n"))?;
    }
    expect(told.len() > 1 || single > 0, "something was read", &told)?;
    Ok(Verdict::Passed)
}

/// Every field of every resource of a whole service is made wrong, one kind of wrong after the other, except for the links that lead
/// on: each resource is still read.
async fn a_service_that_is_wrong_in_every_field_is_read() -> Result<Verdict, Failure> {
    for wrong in [json!(null), json!([]), json!({}), json!("?"), json!(-7), json!([null, 7, "x", [], {}]), json!(1e300)]
    {
        let tree = skeleton().into_iter().map(|(path, body)| (path, spoiled(body, &wrong))).collect();
        let server = serve(tree).await?;
        read_all(&client(&server)).await.map_err(|error| format!("with {wrong}: {error}"))?;
    }
    Ok(Verdict::Passed)
}

/// The resource with every value replaced, except in links.
fn spoiled(body: Value, wrong: &Value) -> Value {
    match body {
        Value::Object(fields) if fields.contains_key("@odata.id") && fields.len() == 1 => Value::Object(fields),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, spoiled(value, wrong))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| spoiled(item, wrong)).collect()),
        _ => wrong.clone(),
    }
}

/// A single resource, in the place of ours; gives how many there were to read.
async fn read_resource(resource: &Value) -> Result<usize, Failure> {
    let kind = resource["@odata.type"].as_str().unwrap_or_default();
    let kind = kind.trim_start_matches('#').split('.').next().unwrap_or_default();
    let Some(place) = place(kind) else { return Ok(0) };
    let mut tree = skeleton();
    if kind == "ComputerSystemCollection" {
        // The one of several that the site would name.
        let first = resource["Members"][0]["@odata.id"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        if first.is_empty() {
            return Ok(0);
        }
        tree.insert(first.clone(), tree["/redfish/v1/Systems/1"].clone());
        tree.insert("/redfish/v1/Systems".to_owned(), resource.clone());
        let server = serve(tree).await?;
        read_all(&client_of(&server, first.rsplit('/').next())).await?;
        return Ok(1);
    }
    if kind == "ServiceRoot" {
        // Wherever it leads, there is ours.
        for (name, ours) in [("Systems", "Systems"), ("Managers", "Managers"), ("Chassis", "Chassis")] {
            let led = resource[name]["@odata.id"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
            let ours = tree[&format!("/redfish/v1/{ours}")].clone();
            tree.entry(led).or_insert(ours);
        }
    }
    tree.insert(format!("/redfish/v1/{place}"), resource.clone());
    let server = serve(tree).await?;
    let told = read_all(&client(&server)).await?;
    if kind == "ComputerSystem" {
        let serial = resource["SerialNumber"].as_str();
        expect(told.serial.as_deref() == serial, "the serial number is told", &told.serial)?;
    }
    Ok(1)
}

/// A whole service.
async fn read_tree(root: &Path) -> Result<Seen, Failure> {
    let folder = root.to_owned();
    let server = Server::start(move |request| {
        let path = request.path.strip_prefix("/redfish/v1").unwrap_or("missing").trim_matches('/');
        let text = std::fs::read_to_string(folder.join(path).join("index.json"));
        // A registry stands as a file of its own.
        let text = text.or_else(|_| std::fs::read_to_string(folder.join(path)));
        Some(text.map_or_else(|_| Answer::status(404), Answer::text))
    })
    .await?;
    let bmc = client(&server);
    let told = match bmc.identity().await {
        // A service of several machines: the first is as good as any.
        Err(error) if error.kind() == ErrorKind::Invalid => {
            let said = sentence(&error);
            let first = said.split('`').nth(3).unwrap_or_default().to_owned();
            read_all(&client_of(&server, Some(&first))).await?
        }
        _ => read_all(&bmc).await?,
    };
    expect(!told.counts.is_empty(), "something of the machine is told", &told)?;
    Ok(told)
}

/// What was told.
#[derive(Debug, Default)]
struct Seen {
    serial: Option<String>,
    hardware: Hardware,
    counts: BTreeMap<&'static str, usize>,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |list: Option<usize>| list.map_or_else(|| "not told".to_owned(), |count| count.to_string());
        let parts = &self.hardware;
        write!(
            f,
            "processors {}, memory {}, nics {}, disks {}, power supplies {}",
            count(parts.processors.as_ref().map(Vec::len)),
            count(parts.memory.as_ref().map(Vec::len)),
            count(parts.nics.as_ref().map(Vec::len)),
            count(parts.disks.as_ref().map(Vec::len)),
            count(parts.power_supplies.as_ref().map(Vec::len))
        )?;
        self.counts.iter().try_for_each(|(what, count)| write!(f, ", {what} {count}"))
    }
}

/// Asks everything. What the service lacks it may say; any other failure is ours.
async fn read_all(bmc: &Redfish) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    if let Some(identity) = told("identity", bmc.identity().await)? {
        seen.serial = identity.serial;
    }
    told("power", facet(bmc.power())?.state().await)?;
    told("boot", facet(bmc.boot())?.boot_override().await)?;
    seen.hardware = told("inventory", facet(bmc.inventory())?.hardware().await)?.unwrap_or_default();
    told("light", facet(bmc.identify_light())?.state().await)?;
    told("secure boot", facet(bmc.secure_boot())?.state().await)?;
    told("lockout", facet(bmc.accounts())?.lockout().await)?;
    told("controller", facet(bmc.controller())?.state().await)?;
    told("task", facet(bmc.tasks())?.task(&TaskRef("/redfish/v1/TaskService/Tasks/1".to_owned())).await)?;
    let counts = [
        ("sensors", told("sensors", facet(bmc.sensors())?.readings().await)?.map(|it| it.len())),
        ("log entries", told("log", facet(bmc.event_log())?.entries().await)?.map(|it| it.len())),
        ("drives", told("media", facet(bmc.virtual_media())?.slots().await)?.map(|it| it.len())),
        ("settings", told("bios", facet(bmc.bios())?.state().await)?.map(|it| it.current.len())),
        ("controllers", told("raid", facet(bmc.raid())?.controllers().await)?.map(|it| it.len())),
        ("components", told("firmware", facet(bmc.firmware())?.components().await)?.map(|it| it.len())),
        ("users", told("accounts", facet(bmc.accounts())?.list().await)?.map(|it| it.len())),
    ];
    seen.counts = counts.into_iter().filter_map(|(what, count)| Some((what, count?))).collect();
    Ok(seen)
}

fn facet<T>(facet: Option<T>) -> Result<T, Failure> {
    facet.ok_or_else(|| "Redfish has it".into())
}

fn told<T>(what: &str, answer: Result<T, ProviderError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(format!("{what}: {}", sentence(&error)).into()),
    }
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

async fn serve(tree: BTreeMap<String, Value>) -> std::io::Result<Server> {
    Server::start(move |request| {
        let found = tree.get(&request.path).or_else(|| tree.get(request.path.trim_end_matches('/')));
        Some(found.map_or_else(|| Answer::status(404), Answer::json))
    })
    .await
}

/// The folders that hold a whole service.
fn roots(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let index = std::fs::read(folder.join("index.json")).unwrap_or_default();
    let index: Value = serde_json::from_slice(&index).unwrap_or_default();
    if index.get("Systems").is_some_and(|systems| systems.get("@odata.id").is_some()) {
        return Ok(vec![folder.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(roots(&path)?);
        }
    }
    Ok(found)
}

/// All JSON files of a folder and of the folders in it, but for those that belong to a whole service.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !roots(folder)?.is_empty() && folder.join("index.json").is_file() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(found)
}
