//! The firmware in a machine, and its updates.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use reqwest::Url;
use serde_json::json;

use super::error::Failure;
use super::machine::{Machine, target};
use super::push::Push;
use super::resource::{SoftwareInventory, Task, UpdateService};
use crate::provider::{Accepted, Component, Firmware};
use crate::providers::told::told;

/// What Dell lists beside what is installed: what was before, and what could be.
const NOT_INSTALLED: &[&str] = &["Previous-", "Available-"];
/// States of a task that has ended.
const ENDED: &[&str] = &["Completed", "Exception", "Killed", "Cancelled"];

#[async_trait]
impl Firmware for Machine {
    async fn components(&self) -> Result<Vec<Component>, ProviderError> {
        self.installed().await.map_err(self.failed("list the firmware"))
    }

    async fn install(&self, url: &str, components: &[String]) -> Result<Accepted, ProviderError> {
        self.update(url, components).await.map_err(self.failed(&format!("install the firmware {url}")))
    }
}

impl Machine {
    async fn update_service(&self) -> Result<UpdateService, Failure> {
        let root = self.client.root().await?;
        let service = self.client.follow::<UpdateService>(root.update_service.as_ref()).await?;
        let lacking = || Failure::Lacking { what: "the service tells nothing about firmware".to_owned() };
        service.map(|service| service.body).ok_or_else(lacking)
    }

    async fn installed(&self) -> Result<Vec<Component>, Failure> {
        let service = self.update_service().await?;
        let listed = self.all::<SoftwareInventory>(service.firmware_inventory.as_ref()).await?;
        let listed = listed.ok_or_else(|| Failure::Lacking { what: "the service lists no firmware".to_owned() })?;
        let installed =
            listed.into_iter().filter(|(member, _)| !NOT_INSTALLED.iter().any(|it| member.id().starts_with(it)));
        Ok(installed
            .map(|(member, told_of)| {
                let it = told_of.unwrap_or_default();
                Component {
                    id: member.id().to_owned(),
                    name: told(it.name.as_deref()),
                    version: told(it.version.as_deref()),
                    updateable: it.updateable.0,
                }
            })
            .collect())
    }

    async fn update(&self, url: &str, components: &[String]) -> Result<Accepted, Failure> {
        let service = self.update_service().await?;
        if service.service_enabled.0 == Some(false) {
            return Err(Failure::Lacking { what: "updates are switched off at the service".to_owned() });
        }
        let targets = self.targets(&service, components).await?;
        match file_of(url) {
            Some(file) => self.push_image(&service, &file, targets).await,
            None => self.simple_update(&service, url, targets).await,
        }
    }

    /// Lets the service fetch the image.
    async fn simple_update(
        &self,
        service: &UpdateService,
        url: &str,
        targets: Vec<String>,
    ) -> Result<Accepted, Failure> {
        let action = service.actions.as_ref().and_then(|actions| actions.simple_update.as_ref());
        let target = target(action, "UpdateService.SimpleUpdate")?;
        self.refuse_while_running(target).await?;
        let mut body = json!({ "ImageURI": url });
        let scheme = url.split(':').next().unwrap_or_default().to_uppercase();
        let listed = match action {
            Some(action) => self.allowed(action, action.protocols.0.clone(), "TransferProtocol").await?,
            None => None,
        };
        match listed {
            Some(listed) if !listed.is_empty() && !listed.contains(&scheme) => {
                return Err(Failure::Wrong {
                    what: format!("the service fetches images by {}, not by {scheme}", listed.join(", ")),
                });
            }
            Some(listed) if !listed.is_empty() => body["TransferProtocol"] = json!(scheme),
            _ => {}
        }
        if !targets.is_empty() {
            body["Targets"] = json!(targets);
        }
        let answer = self.client.post(target, &body).await?;
        self.accepted(&answer, Accepted::Done)
    }

    /// Sends an image that lies here.
    async fn push_image(
        &self,
        service: &UpdateService,
        file: &Path,
        targets: Vec<String>,
    ) -> Result<Accepted, Failure> {
        let (uri, how) = match (service.multipart_http_push_uri.as_deref(), service.http_push_uri.as_deref()) {
            (Some(uri), _) => (uri, Push::Multipart(targets)),
            (None, Some(_)) if !targets.is_empty() => {
                return Err(Failure::Lacking {
                    what: "the service takes images for whatever they are for alone; name no components".to_owned(),
                });
            }
            (None, Some(uri)) => (uri, Push::Plain),
            (None, None) => {
                return Err(Failure::Lacking {
                    what: "the service takes no images; give it a URL that it can fetch".to_owned(),
                });
            }
        };
        let size = tokio::fs::metadata(file).await.map_or(0, |it| it.len());
        if let Some(most) = service.max_image_size_bytes.count::<u64>().filter(|most| *most > 0 && *most < size) {
            return Err(Failure::Wrong {
                what: format!("the image has {size} bytes; the service takes {most} at most"),
            });
        }
        self.refuse_while_running(uri).await?;
        let answer = self.client.push(uri, file, how).await?;
        self.accepted(&answer, Accepted::Done)
    }

    /// The paths of components.
    async fn targets(&self, service: &UpdateService, components: &[String]) -> Result<Vec<String>, Failure> {
        if components.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.client.members(service.firmware_inventory.as_ref()).await?.unwrap_or_default();
        let path = |component: &String| {
            let found = members.iter().find(|member| member.id() == component);
            found.map(|member| member.path.clone()).ok_or_else(|| Failure::Missing {
                what: format!("the machine has no firmware component `{component}`"),
            })
        };
        components.iter().map(path).collect()
    }

    /// An update that is begun while another runs may break both.
    async fn refuse_while_running(&self, target: &str) -> Result<(), Failure> {
        let root = self.client.root().await?;
        let Some(service) = self.client.follow::<Task>(root.tasks.as_ref()).await? else { return Ok(()) };
        for (member, task) in self.all::<Task>(service.body.tasks.as_ref()).await?.unwrap_or_default() {
            let task = task.unwrap_or_default();
            let is_update = task.payload.as_ref().and_then(|it| it.target_uri.as_deref()) == Some(target);
            if is_update && task.task_state.as_deref().is_some_and(|state| !ENDED.contains(&state)) {
                return Err(Failure::Later { what: format!("the update `{}` is not through yet", member.id()) });
            }
        }
        Ok(())
    }
}

/// The file that a `file:` URL names.
fn file_of(url: &str) -> Option<PathBuf> {
    Url::parse(url).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}
