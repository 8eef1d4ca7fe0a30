//! Storage controllers with their disks and volumes.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use reqwest::StatusCode;
use serde_json::json;

use super::address::{is_same, last_part};
use super::error::Failure;
use super::health::health;
use super::machine::Machine;
use super::members::Member;
use super::resource::{self, Link, Storage, VolumeCollection};
use crate::provider::{Accepted, Disk, DiskKind, Part, Raid, RaidLevel, StorageController, Volume, WantedVolume};
use crate::providers::told::told;

#[async_trait]
impl Raid for Machine {
    async fn controllers(&self) -> Result<Vec<StorageController>, ProviderError> {
        let read = async {
            let known = self.storage().await?;
            Ok(known.ok_or_else(lacking)?.into_iter().map(|it| it.told).collect())
        };
        read.await.map_err(self.failed("list the storage controllers"))
    }

    async fn create(&self, controller: &str, wanted: &WantedVolume) -> Result<Accepted, ProviderError> {
        let words = format!("make the volume {} of {controller}", wanted.name);
        self.create_volume(controller, wanted).await.map_err(self.failed(&words))
    }

    async fn delete(&self, controller: &str, volume: &str) -> Result<Accepted, ProviderError> {
        let words = format!("take the volume {volume} of {controller} away");
        self.delete_volume(controller, volume).await.map_err(self.failed(&words))
    }
}

/// A controller, and where its parts are.
pub(super) struct Subsystem {
    pub(super) told: StorageController,
    volumes: Option<Link>,
    /// The path of each disk, in the order of the disks.
    drives: Vec<String>,
    /// The path of each volume, in the order of the volumes.
    paths: Vec<String>,
}

fn lacking() -> Failure {
    Failure::Lacking { what: "the system tells of no storage controllers".to_owned() }
}

impl Machine {
    /// All storage controllers; `None` where the service tells nothing of them.
    pub(super) async fn storage(&self) -> Result<Option<Vec<Subsystem>>, Failure> {
        let system = self.system().await?.body;
        let Some(listed) = self.all::<Storage>(system.storage.as_ref()).await? else { return Ok(None) };
        let mut known = Vec::with_capacity(listed.len());
        for (member, storage) in listed {
            known.push(self.subsystem(&member, storage.unwrap_or_default()).await?);
        }
        Ok(Some(known))
    }

    async fn subsystem(&self, member: &Member, storage: Storage) -> Result<Subsystem, Failure> {
        let id = member.id().to_owned();
        let mut controllers = storage.storage_controllers.0.unwrap_or_default();
        if controllers.is_empty() {
            let members = self.all::<resource::Controller>(storage.controllers.as_ref()).await?;
            controllers = members.unwrap_or_default().into_iter().filter_map(|(_, controller)| controller).collect();
        }
        let mut disks = Vec::new();
        let mut drives = Vec::new();
        for link in storage.drives.items() {
            let Some(path) = link.id.clone() else { continue };
            let drive = self.client.follow::<resource::Drive>(Some(link)).await?.map(|it| it.body).unwrap_or_default();
            if drive.status.as_ref().is_some_and(resource::Status::is_absent) {
                continue;
            }
            disks.push(disk(&path, &drive, &id));
            drives.push(path);
        }
        let mut volumes = Vec::new();
        let mut paths = Vec::new();
        for (member, volume) in self.all::<resource::Volume>(storage.volumes.as_ref()).await?.unwrap_or_default() {
            let volume = volume.unwrap_or_default();
            // A disk that passes through unchanged is listed as a volume by some, and is none.
            if volume.volume_type.as_deref() == Some("RawDevice") && volume.raid_type.is_none() {
                continue;
            }
            volumes.push(self::volume(&member, &volume, &drives, &disks));
            paths.push(member.path);
        }
        let model = controllers.iter().find_map(|it| told(it.model.as_deref()).or_else(|| told(it.name.as_deref())));
        let told = StorageController {
            id,
            model: model.or_else(|| told(storage.name.as_deref())),
            levels: levels(&controllers),
            disks,
            volumes,
        };
        Ok(Subsystem { told, volumes: storage.volumes.0, drives, paths })
    }

    async fn find_subsystem(&self, controller: &str) -> Result<Subsystem, Failure> {
        let known = self.storage().await?.ok_or_else(lacking)?;
        let names: Vec<_> = known.iter().map(|it| format!("`{}`", it.told.id)).collect();
        known.into_iter().find(|it| it.told.id == controller).ok_or_else(|| Failure::Missing {
            what: format!("there is no storage controller `{controller}`, only {}", names.join(", ")),
        })
    }

    async fn create_volume(&self, controller: &str, wanted: &WantedVolume) -> Result<Accepted, Failure> {
        let known = self.find_subsystem(controller).await?;
        let mut disks = wanted.disks.clone();
        disks.sort_unstable();
        disks.dedup();
        let fewest = wanted.level.fewest_disks();
        if disks.len() != wanted.disks.len() || disks.len() < fewest {
            return Err(Failure::Wrong { what: format!("{} needs {fewest} different disks or more", wanted.level) });
        }
        if known.told.volumes.iter().any(|volume| is_wanted(volume, wanted, &disks)) {
            return Ok(Accepted::Done);
        }
        let mut links = Vec::with_capacity(disks.len());
        for slot in &wanted.disks {
            let at = known.told.disks.iter().position(|disk| disk.part.slot == *slot);
            let at = at.ok_or_else(|| Failure::Missing { what: format!("{controller} has no disk `{slot}`") })?;
            if let Some(owner) = known.told.volumes.iter().find(|volume| volume.disks.contains(slot)) {
                let name = owner.name.as_deref().unwrap_or(&owner.id);
                return Err(Failure::Taken {
                    what: format!("the disk `{slot}` belongs to the volume `{name}`; delete that first"),
                });
            }
            links.push(json!({ "@odata.id": known.drives[at] }));
        }
        if known.told.levels.as_ref().is_some_and(|levels| !levels.contains(&wanted.level)) {
            return Err(Failure::Lacking { what: format!("{controller} does not offer {}", wanted.level) });
        }
        let collection = known.volumes.as_ref().and_then(|link| link.id.as_deref());
        let collection =
            collection.ok_or_else(|| Failure::Lacking { what: format!("{controller} makes no volumes") })?;
        let mut body =
            json!({ "Name": wanted.name, "RAIDType": wanted.level.to_string(), "Links": { "Drives": links } });
        let times =
            self.client.follow::<VolumeCollection>(known.volumes.as_ref()).await?.and_then(|it| it.body.apply_times.0);
        let times = times.and_then(|times| times.supported_values.0).unwrap_or_default();
        let mut else_ = Accepted::Done;
        if let Some(time) = ["Immediate", "OnReset"].into_iter().find(|time| times.iter().any(|other| other == time)) {
            body["@Redfish.OperationApplyTime"] = json!(time);
            if time == "OnReset" {
                else_ = Accepted::AtReset;
            }
        }
        let answer = self.client.post(collection, &body).await?;
        self.accepted(&answer, else_)
    }

    async fn delete_volume(&self, controller: &str, volume: &str) -> Result<Accepted, Failure> {
        let known = self.find_subsystem(controller).await?;
        let Some(at) = known.told.volumes.iter().position(|it| it.id == volume) else { return Ok(Accepted::Done) };
        match self.client.delete(&known.paths[at]).await {
            Ok(answer) => self.accepted(&answer, Accepted::Done),
            Err(failure) if failure.status() == Some(StatusCode::NOT_FOUND) => Ok(Accepted::Done),
            Err(failure) => Err(failure),
        }
    }
}

fn is_wanted(volume: &Volume, wanted: &WantedVolume, sorted: &[String]) -> bool {
    let mut disks = volume.disks.clone();
    disks.sort_unstable();
    volume.name.as_ref() == Some(&wanted.name) && volume.level == Some(wanted.level) && disks == sorted
}

fn disk(path: &str, drive: &resource::Drive, controller: &str) -> Disk {
    let kind = match drive.media_type.as_deref() {
        Some("HDD") => Some(DiskKind::Hdd),
        Some("SSD") => Some(DiskKind::Ssd),
        _ => None,
    };
    Disk {
        part: Part {
            slot: last_part(path).to_owned(),
            manufacturer: told(drive.manufacturer.as_deref()),
            model: told(drive.model.as_deref()),
            serial: told(drive.serial_number.as_deref()),
            health: health(drive.status.as_ref()),
        },
        kind,
        protocol: told(drive.protocol.as_deref()),
        bytes: drive.capacity_bytes.count().filter(|bytes| *bytes > 0),
        controller: Some(controller.to_owned()),
    }
}

fn volume(member: &Member, volume: &resource::Volume, drives: &[String], disks: &[Disk]) -> Volume {
    let links = volume.links.as_ref().map(|links| links.drives.items()).unwrap_or_default();
    let slots = links.iter().filter_map(|link| {
        let at = drives.iter().position(|path| link.id.as_deref().is_some_and(|id| is_same(id, path)))?;
        Some(disks[at].part.slot.clone())
    });
    Volume {
        id: member.id().to_owned(),
        name: told(volume.name.as_deref()),
        level: level(volume.raid_type.as_deref()).or_else(|| older_level(volume.volume_type.as_deref())),
        disks: slots.collect(),
        bytes: volume.capacity_bytes.count().filter(|bytes| *bytes > 0),
    }
}

fn levels(controllers: &[resource::Controller]) -> Option<Vec<RaidLevel>> {
    let listed: Vec<_> =
        controllers.iter().filter_map(|controller| controller.raid_types.0.as_ref()).flatten().collect();
    let mut levels: Vec<_> = listed.iter().filter_map(|word| level(Some(word))).collect();
    levels.sort_unstable();
    levels.dedup();
    (!listed.is_empty()).then_some(levels)
}

fn level(word: Option<&str>) -> Option<RaidLevel> {
    match word? {
        "RAID0" => Some(RaidLevel::Raid0),
        "RAID1" => Some(RaidLevel::Raid1),
        "RAID5" => Some(RaidLevel::Raid5),
        "RAID6" => Some(RaidLevel::Raid6),
        "RAID10" => Some(RaidLevel::Raid10),
        _ => None,
    }
}

/// The words of the schema before version 1.3.1, which are less exact.
fn older_level(word: Option<&str>) -> Option<RaidLevel> {
    match word? {
        "NonRedundant" => Some(RaidLevel::Raid0),
        "Mirrored" => Some(RaidLevel::Raid1),
        "StripedWithParity" => Some(RaidLevel::Raid5),
        "SpannedMirrors" => Some(RaidLevel::Raid10),
        _ => None,
    }
}
