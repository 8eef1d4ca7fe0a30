//! One machine of a service: which system it is, its controller, its boxes, its quirks, and how its resources are changed.

use std::time::Duration;

use dip_core::provider::ProviderError;
use dip_core::secret::Secret;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::address::{is_same, last_part};
use super::answer::{Answer, Resource};
use super::client::Client;
use super::error::{Failure, RedfishError};
use super::registry::Registry;
use super::resource::{Action, ActionInfo, Chassis, ComputerSystem, Link, Manager};
use crate::hygiene::Vouching;
use crate::quirks::{Entry, Make, Quirk, Quirks, shipped};
use crate::settings::RedfishSettings;

/// An update of a controller's firmware takes longer than this, and may bring or end quirks.
const QUIRKS: Duration = Duration::from_secs(5 * 60);

/// A machine of a service.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) client: Client,
    /// The id that the site file gives for the system.
    wanted: Option<String>,
    /// What the site file says about the quirks of this BMC.
    own_quirks: Vec<Entry>,
    /// The path of the system, once it is found.
    path: OnceCell<String>,
    /// Its quirks, and when it was asked who made it.
    quirks: Mutex<Option<(Instant, Quirks)>>,
    /// What its BIOS attributes may be; `None` within where it does not tell.
    pub(super) registry: OnceCell<Option<Registry>>,
}

impl Machine {
    pub(super) fn new(
        address: &str,
        user: &str,
        password: &Secret,
        settings: &RedfishSettings,
        vouching: &Vouching,
    ) -> Result<Self, RedfishError> {
        Ok(Self {
            client: Client::new(address, user, password, settings, vouching)?,
            wanted: settings.system.clone(),
            own_quirks: settings.quirks.clone(),
            path: OnceCell::new(),
            quirks: Mutex::default(),
            registry: OnceCell::new(),
        })
    }

    pub(super) fn failed(&self, action: &str) -> impl FnOnce(Failure) -> ProviderError + use<> {
        let action = format!("{action} at {}", self.client.host());
        |failure| failure.in_action(action)
    }

    /// The system that is the machine.
    pub(super) async fn system(&self) -> Result<Resource<ComputerSystem>, Failure> {
        self.client.read(self.system_path().await?).await
    }

    pub(super) async fn system_path(&self) -> Result<&str, Failure> {
        self.path.get_or_try_init(|| self.find_system()).await.map(String::as_str)
    }

    /// The controller of the machine: the one that the system names, or the one that names the system, or the first.
    pub(super) async fn manager(&self, system: &ComputerSystem) -> Result<Resource<Manager>, Failure> {
        let lacking = || Failure::Lacking { what: "the service tells nothing of the controller itself".to_owned() };
        let named = system.links.as_ref().and_then(|links| links.managed_by.items().first().cloned());
        if let Some(manager) = self.client.follow(named.as_ref()).await? {
            return Ok(manager);
        }
        let path = self.system_path().await?;
        let root = self.client.root().await?;
        let mut first = None;
        for member in self.client.members(root.managers.as_ref()).await?.unwrap_or_default() {
            let link = Link { id: Some(member.path) };
            let Some(manager) = self.client.follow::<Manager>(Some(&link)).await? else { continue };
            let servers = manager.body.links.as_ref().map(|links| links.manager_for_servers.items());
            if servers.unwrap_or_default().iter().any(|server| leads_to(server, path)) {
                return Ok(manager);
            }
            first = first.or(Some(manager));
        }
        first.ok_or_else(lacking)
    }

    /// The boxes that the machine is in: those that the system names, or that name the system, or all where none names any.
    pub(super) async fn chassis(&self, system: &ComputerSystem) -> Result<Vec<Resource<Chassis>>, Failure> {
        let named = system.links.as_ref().map(|links| links.chassis.items().to_vec()).unwrap_or_default();
        let mut boxes = Vec::new();
        for link in &named {
            boxes.extend(self.client.follow::<Chassis>(Some(link)).await?);
        }
        if !boxes.is_empty() {
            return Ok(boxes);
        }
        let path = self.system_path().await?;
        let root = self.client.root().await?;
        for member in self.client.members(root.chassis.as_ref()).await?.unwrap_or_default() {
            let link = Link { id: Some(member.path) };
            let Some(chassis) = self.client.follow::<Chassis>(Some(&link)).await? else { continue };
            let systems = chassis.body.links.as_ref().map(|links| links.computer_systems.items()).unwrap_or_default();
            if systems.is_empty() || systems.iter().any(|system| leads_to(system, path)) {
                boxes.push(chassis);
            }
        }
        Ok(boxes)
    }

    /// Whether the BMC has a quirk. The first time it is asked who made it, and again when its firmware may be another one.
    pub(super) async fn has(&self, quirk: Quirk) -> Result<bool, Failure> {
        // What nobody is said to have need not be asked for.
        if !shipped().iter().chain(&self.own_quirks).any(|entry| entry.quirk == quirk) {
            return Ok(false);
        }
        let mut known = self.quirks.lock().await;
        match known.as_ref() {
            Some((since, quirks)) if since.elapsed() < QUIRKS => Ok(quirks.has(quirk)),
            _ => Ok(known.insert((Instant::now(), self.find_quirks().await?)).1.has(quirk)),
        }
    }

    async fn find_quirks(&self) -> Result<Quirks, Failure> {
        let root = self.client.root().await?;
        let system = self.system().await?.body;
        let manager = match self.manager(&system).await {
            Ok(manager) => manager.body,
            Err(Failure::Lacking { .. }) => Manager::default(),
            Err(failure) => return Err(failure),
        };
        let oem = root.oem.as_ref().into_iter().flat_map(|oem| oem.keys().cloned());
        let vendors = [root.vendor.0, system.manufacturer.0, manager.manufacturer.0].into_iter().flatten().chain(oem);
        let models = [root.product.0, manager.model.0, system.model.0, system.sku.0].into_iter().flatten();
        let make = Make { vendors: vendors.collect(), models: models.collect(), firmware: manager.firmware_version.0 };
        let quirks = Quirks::of(&make, shipped(), &self.own_quirks);
        tracing::debug!(bmc = self.client.host(), ?make, ?quirks, "the BMC tells who made it");
        Ok(quirks)
    }

    /// Changes a resource as it is decided by what it is now; `None` where nothing is to be changed. Where somebody else changed it
    /// meanwhile, it is decided anew, once (RFC 9110, 13.1.1).
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        path: &str,
        decide: impl Fn(&T) -> Result<Option<Value>, Failure>,
    ) -> Result<Option<Answer>, Failure> {
        let mut again = true;
        loop {
            let now = self.client.read::<T>(path).await?;
            let Some(body) = decide(&now.body)? else { return Ok(None) };
            let if_match = match &now.etag {
                _ if self.has(Quirk::IfMatchAny).await? => Some("*"),
                Some(_) if self.has(Quirk::IfMatchNever).await? => None,
                Some(told) if self.has(Quirk::IfMatchUnquoted).await? => Some(told.trim_matches('"')),
                told => told.as_deref(),
            };
            match self.client.patch(&now.url, &body, if_match).await {
                Err(failure) if again && failure.status() == Some(StatusCode::PRECONDITION_FAILED) => again = false,
                other => return other.map(Some),
            }
        }
    }

    /// The values that a parameter of an action may have, as the action or its description lists them.
    pub(super) async fn allowed(
        &self,
        action: &Action,
        listed: Option<Vec<String>>,
        parameter: &str,
    ) -> Result<Option<Vec<String>>, Failure> {
        if listed.is_some() {
            return Ok(listed);
        }
        // Some services name a description that they do not have.
        let info = Link { id: action.info.0.clone() };
        let info = self.client.follow::<ActionInfo>(Some(&info)).await?;
        Ok(info.and_then(|info| info.body.values_of(parameter)))
    }

    /// The path of the node's system: the one that the site file names, or the only one.
    async fn find_system(&self) -> Result<String, Failure> {
        let wanted = self.wanted.as_deref();
        if let Some(path) = wanted.filter(|wanted| wanted.starts_with('/')) {
            return Ok(path.to_owned());
        }
        let Some(systems) = self.client.root().await?.systems.0 else {
            return Err(Failure::Lacking { what: "the service has no systems".to_owned() });
        };
        let members = self.client.members(Some(&systems)).await?.unwrap_or_default();
        let paths: Vec<String> =
            members.into_iter().map(|member| member.path).filter(|path| !path.is_empty()).collect();
        let Some(wanted) = wanted else { return only(paths) };
        if let Some(path) = paths.iter().find(|path| last_part(path) == wanted) {
            return Ok(path.clone());
        }
        // Some services know a system by more names than they list.
        let guess = format!("{}/{wanted}", systems.id.as_deref().unwrap_or_default().trim_end_matches('/'));
        match self.client.read::<Value>(&guess).await {
            Ok(_) => Ok(guess),
            Err(failure) if failure.status() == Some(StatusCode::NOT_FOUND) => {
                Err(Failure::Missing { what: format!("the service has no system `{wanted}`, only {}", list(&paths)) })
            }
            Err(failure) => Err(failure),
        }
    }
}

fn only(paths: Vec<String>) -> Result<String, Failure> {
    match <[String; 1]>::try_from(paths) {
        Ok([path]) => Ok(path),
        Err(paths) if paths.is_empty() => Err(Failure::Lacking { what: "the service lists no system".to_owned() }),
        Err(paths) => Err(Failure::Wrong {
            what: format!("the service has several systems; say in `system` which one is the node: {}", list(&paths)),
        }),
    }
}

fn leads_to(link: &Link, path: &str) -> bool {
    link.id.as_deref().is_some_and(|id| is_same(id, path))
}

fn list(paths: &[String]) -> String {
    paths.iter().map(|path| format!("`{}`", last_part(path))).collect::<Vec<_>>().join(", ")
}

/// Where an action is; that it is not offered, if it is not.
pub(super) fn target<'a>(action: Option<&'a Action>, name: &str) -> Result<&'a str, Failure> {
    let target = action.and_then(|action| action.target.as_deref());
    target.ok_or_else(|| Failure::Lacking { what: format!("the service has no action `{name}`") })
}
