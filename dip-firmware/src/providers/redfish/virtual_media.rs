//! The virtual drives of a machine.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde_json::{Value, json};

use super::address::last_part;
use super::answer::Answer;
use super::error::Failure;
use super::machine::Machine;
use super::members::Member;
use super::resource;
use crate::provider::{MediaKind, MediaSlot, VirtualMedia};
use crate::quirks::Quirk;

/// A drive that is still ejecting is asked again so often, and after so long.
const EJECTING: (usize, Duration) = (5, Duration::from_secs(2));

#[async_trait]
impl VirtualMedia for Machine {
    async fn slots(&self) -> Result<Vec<MediaSlot>, ProviderError> {
        let read = async { Ok(self.drives().await?.iter().map(|(member, drive)| slot(member, drive)).collect()) };
        read.await.map_err(self.failed("list the virtual drives"))
    }

    async fn insert(&self, slot: &str, url: &str) -> Result<(), ProviderError> {
        self.insert_image(slot, url).await.map_err(self.failed(&format!("insert {url} into the virtual drive {slot}")))
    }

    async fn eject(&self, slot: &str) -> Result<(), ProviderError> {
        let eject = async {
            let (member, drive) = self.drive(slot).await?;
            self.eject_image(&member, &drive).await
        };
        eject.await.map_err(self.failed(&format!("empty the virtual drive {slot}")))
    }
}

type Drive = (Member, resource::VirtualMedia);

impl Machine {
    /// The drives; some services keep them with the system, older ones with the controller, some with both.
    async fn drives(&self) -> Result<Vec<Drive>, Failure> {
        let lacking = || Failure::Lacking { what: "the service has no virtual drives".to_owned() };
        let system = self.system().await?.body;
        let mut listed = self.all::<resource::VirtualMedia>(system.virtual_media.as_ref()).await?;
        if listed.as_ref().is_none_or(Vec::is_empty) {
            let manager = match self.manager(&system).await {
                Ok(manager) => manager.body,
                Err(Failure::Lacking { .. }) => return Err(lacking()),
                Err(failure) => return Err(failure),
            };
            listed = self.all(manager.virtual_media.as_ref()).await?.or(listed);
        }
        let drives = listed.ok_or_else(lacking)?;
        Ok(drives.into_iter().map(|(member, drive)| (member, drive.unwrap_or_default())).collect())
    }

    async fn drive(&self, slot: &str) -> Result<Drive, Failure> {
        let drives = self.drives().await?;
        let known: Vec<_> = drives.iter().map(|(member, _)| format!("`{}`", member.id())).collect();
        let found = drives.into_iter().find(|(member, _)| member.id() == slot);
        found.ok_or_else(|| Failure::Missing {
            what: format!("there is no virtual drive `{slot}`, only {}", known.join(", ")),
        })
    }

    async fn insert_image(&self, slot: &str, url: &str) -> Result<(), Failure> {
        let (member, drive) = self.drive(slot).await?;
        match image(&drive) {
            Some(now) if now == url => Ok(()),
            Some(_) => {
                self.eject_image(&member, &drive).await?;
                self.insert_into(slot, &member, &drive, url).await.map_err(Failure::halfway)
            }
            None => self.insert_into(slot, &member, &drive, url).await,
        }
    }

    async fn insert_into(
        &self,
        slot: &str,
        member: &Member,
        drive: &resource::VirtualMedia,
        url: &str,
    ) -> Result<(), Failure> {
        let insert = drive.actions.as_ref().and_then(|actions| actions.insert.as_ref()?.target.as_deref());
        // Lenovo's XCC has no such action; the drive itself is changed (DSP2046, `VirtualMedia`).
        let Some(target) = insert else {
            let body = json!({ "Image": url, "Inserted": true, "WriteProtected": true });
            let answer = self.change(&member.path, |_: &Value| Ok(Some(body.clone()))).await?;
            return self.settle(answer).await;
        };
        let mut body = match self.has(Quirk::InsertImageAlone).await? {
            true => json!({ "Image": url }),
            false => json!({ "Image": url, "Inserted": true, "WriteProtected": true }),
        };
        let mut patience = if self.has(Quirk::InsertWhileEjecting).await? { EJECTING.0 } else { 0 };
        loop {
            match self.client.post(target, &body).await {
                Err(failure) if asks_for(&failure, "TransferProtocolType", &body) => {
                    let scheme = url.split(':').next().unwrap_or_default().to_uppercase();
                    body["TransferProtocolType"] = json!(scheme);
                }
                Err(failure) if asks_for(&failure, "TransferMethod", &body) => body["TransferMethod"] = json!("Stream"),
                Err(failure) if patience > 0 && failure.status().is_some_and(|status| status.is_server_error()) => {
                    patience -= 1;
                    tokio::time::sleep(EJECTING.1).await;
                    // It may have been inserted all the same.
                    if image(&self.drive(slot).await?.1) == Some(url) {
                        return Ok(());
                    }
                }
                other => return self.settle(Some(other?)).await,
            }
        }
    }

    async fn eject_image(&self, member: &Member, drive: &resource::VirtualMedia) -> Result<(), Failure> {
        if image(drive).is_none() {
            return Ok(());
        }
        let eject = drive.actions.as_ref().and_then(|actions| actions.eject.as_ref()?.target.as_deref());
        let answer: Option<Answer> = match eject {
            // HPE's iLO refuses a request without a body.
            Some(target) => Some(self.client.post(target, &json!({})).await?),
            None => {
                let body = json!({ "Image": null, "Inserted": false });
                self.change(&member.path, |_: &Value| Ok(Some(body.clone()))).await?
            }
        };
        self.settle(answer).await
    }
}

/// Whether the service refuses a body because this parameter is not in it. A request that is refused so has done nothing.
fn asks_for(failure: &Failure, parameter: &str, body: &Value) -> bool {
    matches!(failure, Failure::Refused { status, said: Some(said), .. } if status.as_u16() == 400 && said.contains(parameter))
        && body.get(parameter).is_none()
}

fn slot(member: &Member, drive: &resource::VirtualMedia) -> MediaSlot {
    let mut kinds: Vec<_> = drive.media_types.items().iter().filter_map(|kind| media_kind(kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    MediaSlot { id: last_part(&member.path).to_owned(), kinds, image: image(drive).map(str::to_owned) }
}

fn media_kind(word: &str) -> Option<MediaKind> {
    match word {
        "CD" | "DVD" => Some(MediaKind::Cd),
        "USBStick" => Some(MediaKind::UsbStick),
        "Floppy" => Some(MediaKind::Floppy),
        _ => None,
    }
}

/// What is in a drive: its URL, or at least its name where the URL is hidden.
fn image(drive: &resource::VirtualMedia) -> Option<&str> {
    let told = |text: &'_ resource::Maybe<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    match drive.inserted.0 {
        Some(false) => None,
        _ if told(&drive.image) => drive.image.as_deref(),
        Some(true) => Some(drive.image_name.as_deref().unwrap_or_default()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_empty_or_holds_something_whatever_its_maker_tells() {
        let image_of = |body: Value| {
            let drive: resource::VirtualMedia = serde_json::from_value(body).expect("it is an object");
            image(&drive).map(str::to_owned)
        };
        assert_eq!(image_of(json!({ "Image": null, "Inserted": false })), None);
        assert_eq!(image_of(json!({ "Image": "", "Inserted": null })), None);
        assert_eq!(image_of(json!({ "Image": "http://x/old.iso", "Inserted": false })), None);
        assert_eq!(image_of(json!({ "Image": "http://x/a.iso" })).as_deref(), Some("http://x/a.iso"));
        assert_eq!(
            image_of(json!({ "Image": null, "ImageName": "a.iso", "Inserted": true })).as_deref(),
            Some("a.iso")
        );
        assert_eq!(image_of(json!({})), None);
    }
}
