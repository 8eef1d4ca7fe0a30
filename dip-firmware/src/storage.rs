//! The disks of a node and what its storage controllers have made of them.

use std::collections::BTreeSet;

use dip_core::fact::Fact;
use dip_core::hardware::{Disk, DiskKind, Health};
use serde::{Deserialize, Serialize};

use crate::provider::{StorageController, Volume};

/// The disks and volumes of a node (`node/<node>`). Volumes are planned from it.
pub const STORAGE: Fact<Storage> = Fact::new("firmware.storage");

/// What a management controller tells of the disks of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The storage controllers, with their disks and volumes.
    pub controllers: Vec<StorageController>,
    /// The disks that hang on none of them.
    pub others: Vec<Disk>,
}

impl Storage {
    /// From what the facets tell: the inventory lists disks that hang on a controller too.
    #[must_use]
    pub fn new(controllers: Vec<StorageController>, inventory: Vec<Disk>) -> Self {
        let is_known = |disk: &Disk| {
            controllers.iter().any(|controller| {
                controller.disks.iter().any(|known| match (&known.part.serial, &disk.part.serial) {
                    (Some(known), Some(serial)) => known == serial,
                    _ => known.part.slot == disk.part.slot && disk.controller.as_ref() == Some(&controller.id),
                })
            })
        };
        let others = inventory.into_iter().filter(|disk| !is_known(disk)).collect();
        let others: Vec<Disk> = others;
        // What no controller lists cannot be put into a volume, whatever the inventory says it hangs on.
        let others = others.into_iter().map(|disk| Disk { controller: None, ..disk }).collect();
        Self { controllers, others }
    }

    /// All disks, each with the controller that it hangs on.
    #[must_use]
    pub fn disks(&self) -> Vec<Disk> {
        let held = self.controllers.iter().flat_map(|controller| {
            controller.disks.iter().map(|disk| Disk { controller: Some(controller.id.clone()), ..disk.clone() })
        });
        held.chain(self.others.iter().cloned()).collect()
    }

    /// The serial numbers of all disks, as far as they are told.
    #[must_use]
    pub fn serials(&self) -> BTreeSet<String> {
        self.disks().into_iter().filter_map(|disk| disk.part.serial).collect()
    }

    /// The volumes of a controller that have one of these slots.
    pub fn volumes_on<'a>(&'a self, controller: &'a str, slots: &'a [String]) -> impl Iterator<Item = &'a Volume> {
        let controllers = self.controllers.iter().filter(move |known| known.id == controller);
        let has_one = move |volume: &&Volume| volume.disks.iter().any(|slot| slots.contains(slot));
        controllers.flat_map(|known| &known.volumes).filter(has_one)
    }
}

/// A disk in a line, for people: `slot 0: SSD of 480 GB, MZ7KH480 (serial S1)`.
#[must_use]
pub(crate) fn described(disk: &Disk) -> String {
    let kind = match disk.kind {
        Some(DiskKind::Ssd) => "SSD",
        Some(DiskKind::Hdd) => "HDD",
        None => "disk",
    };
    let mut text = format!("slot {}: {kind}", disk.part.slot);
    if let Some(bytes) = disk.bytes {
        text.push_str(&format!(" of {} GB", bytes / GIGABYTE));
    }
    for part in [&disk.protocol, &disk.part.model].into_iter().flatten() {
        text.push_str(&format!(", {part}"));
    }
    match &disk.part.serial {
        Some(serial) => text.push_str(&format!(" (serial {serial})")),
        None => text.push_str(" (no serial number)"),
    }
    if disk.part.health == Some(Health::Critical) {
        text.push_str(", failing");
    }
    text
}

/// Disks are sold by powers of ten.
pub(crate) const GIGABYTE: u64 = 1_000_000_000;
