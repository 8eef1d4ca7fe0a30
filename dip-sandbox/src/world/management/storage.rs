//! The disks of a machine and what its storage controller makes of them.

use dip_core::hardware::{Disk, DiskKind, Health, Part};
use dip_firmware::provider::{RaidLevel, StorageController, Volume, WantedVolume};

/// The storage controller of a machine. Its system is on a device of its own, which is none of these disks.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    controller: StorageController,
}

/// A disk that is to be in a volume is in another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the disk in slot {slot} is in volume {volume}")]
pub(crate) struct Taken {
    slot: String,
    volume: String,
}

impl Storage {
    /// Four SSDs of two sizes and two hard disks, none in a volume. Serial numbers carry the node's name.
    pub(super) fn new(node: &str) -> Self {
        const GIGABYTE: u64 = 1_000_000_000;
        let kinds = [
            (DiskKind::Ssd, 960, "SB-S960"),
            (DiskKind::Ssd, 480, "SB-S480"),
            (DiskKind::Hdd, 4_000, "SB-H4000"),
            (DiskKind::Ssd, 480, "SB-S480"),
            (DiskKind::Ssd, 960, "SB-S960"),
            (DiskKind::Hdd, 4_000, "SB-H4000"),
        ];
        let disk = |(slot, (kind, gigabytes, model)): (usize, (DiskKind, u64, &str))| Disk {
            part: Part {
                slot: slot.to_string(),
                manufacturer: Some("Sandbox Systems".to_owned()),
                model: Some(model.to_owned()),
                serial: Some(format!("{node}-D{slot}")),
                health: Some(Health::Ok),
            },
            kind: Some(kind),
            protocol: Some(if kind == DiskKind::Ssd { "SATA" } else { "SAS" }.to_owned()),
            bytes: Some(gigabytes * GIGABYTE),
            controller: Some("RAID.1".to_owned()),
        };
        let levels = [RaidLevel::Raid0, RaidLevel::Raid1, RaidLevel::Raid5, RaidLevel::Raid6, RaidLevel::Raid10];
        let controller = StorageController {
            id: "RAID.1".to_owned(),
            model: Some("SB-RAID".to_owned()),
            levels: Some(levels.to_vec()),
            disks: kinds.into_iter().enumerate().map(disk).collect(),
            volumes: Vec::new(),
        };
        Self { controller }
    }

    pub(super) fn controllers(&self) -> Vec<StorageController> {
        vec![self.controller.clone()]
    }

    pub(super) fn has(&self, controller: &str) -> bool {
        self.controller.id == controller
    }

    pub(super) fn has_slot(&self, slot: &str) -> bool {
        self.controller.disks.iter().any(|disk| disk.part.slot == slot)
    }

    pub(super) fn volumes(&self) -> &[Volume] {
        &self.controller.volumes
    }

    pub(super) fn is_there(&self, wanted: &WantedVolume) -> bool {
        self.volumes().iter().any(|volume| {
            volume.level == Some(wanted.level)
                && same_slots(&volume.disks, &wanted.disks)
                && volume.name.as_ref() == Some(&wanted.name)
        })
    }

    /// Whether the disks are free; `leaving` are volumes that go before.
    pub(super) fn free(&self, wanted: &WantedVolume, leaving: &[&str]) -> Result<(), Taken> {
        for volume in self.volumes().iter().filter(|volume| !leaving.contains(&volume.id.as_str())) {
            if let Some(slot) = volume.disks.iter().find(|slot| wanted.disks.contains(slot)) {
                let name = volume.name.as_ref().unwrap_or(&volume.id);
                return Err(Taken { slot: slot.clone(), volume: name.clone() });
            }
        }
        Ok(())
    }

    /// Makes a volume under the first free id; whether its disks are free was asked before.
    pub(super) fn make(&mut self, wanted: &WantedVolume) {
        let is_free = |id: &String| self.volumes().iter().all(|volume| volume.id != *id);
        let id = (0..).map(|number: u32| format!("VD{number}")).find(is_free).expect("there are enough numbers");
        let size = |slot: &String| {
            self.controller.disks.iter().find(|disk| disk.part.slot == *slot).and_then(|disk| disk.bytes)
        };
        let (smallest, count) = (wanted.disks.iter().filter_map(size).min(), wanted.disks.len() as u64);
        let data = match wanted.level {
            RaidLevel::Raid0 => count,
            RaidLevel::Raid1 | RaidLevel::Raid10 => count / 2,
            RaidLevel::Raid5 => count.saturating_sub(1),
            RaidLevel::Raid6 => count.saturating_sub(2),
        };
        self.controller.volumes.push(Volume {
            id,
            name: Some(wanted.name.clone()),
            level: Some(wanted.level),
            disks: wanted.disks.clone(),
            bytes: smallest.map(|bytes| bytes * data),
        });
    }

    /// Takes a volume away; tells whether it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.controller.volumes.len();
        self.controller.volumes.retain(|volume| volume.id != id);
        self.controller.volumes.len() != before
    }
}

pub(super) fn same_slots(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|slot| other.contains(slot))
}
