//! `firmware.remove_volume`: a volume that stands in the way of a wanted one is gone, with its data.

use std::collections::BTreeSet;

use async_trait::async_trait;
use dip_core::fact::os::DISK_SERIALS;
use dip_core::fact::{Fact, FactKey, Facts};
use dip_core::id::{LayerId, NodeName, Symbol};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use super::make_volume::{DiskRef, PATIENCE};
use super::stage;
use crate::provider::{Accepted, StorageController, Volume};
use crate::underway::{self, Progress};

/// A volume was taken away, or goes at the next boot; the value names the serial numbers of its disks.
pub(crate) const VOLUME_REMOVED: Fact<Vec<String>> = Fact::new("firmware.volume_removed");

/// Removes a volume. Only the one on these very disks is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveVolume {
    /// The node.
    pub node: NodeName,
    /// The controller.
    pub controller: String,
    /// The controller's id of the volume.
    pub volume: String,
    /// Its name, or its id again.
    pub name: String,
    /// Its disks.
    pub disks: Vec<DiskRef>,
}

/// What a removal that was accepted is kept under.
pub(super) fn request(volume: &str) -> String {
    format!("the removal of volume `{volume}`")
}

impl RemoveVolume {
    /// Of a volume as it was seen; `None` where one of its disks tells no serial number, so that nobody can consent.
    pub(crate) fn of(node: &NodeName, controller: &StorageController, volume: &Volume) -> Option<Self> {
        let disk = |slot: &String| {
            let disk = controller.disks.iter().find(|disk| disk.part.slot == *slot)?;
            let serial = Some(disk.part.serial.clone()?);
            Some(DiskRef { controller: Some(controller.id.clone()), slot: slot.clone(), serial })
        };
        Some(Self {
            node: node.clone(),
            controller: controller.id.clone(),
            volume: volume.id.clone(),
            name: volume.name.clone().unwrap_or_else(|| volume.id.clone()),
            disks: volume.disks.iter().map(disk).collect::<Option<_>>()?,
        })
    }

    pub(crate) fn step(&self, origin: Option<&Origin>) -> Step {
        let serials = self.disks.iter().filter_map(|disk| disk.serial.as_ref());
        Step::new(LayerId::Firmware, Subject::node(&self.node), self)
            .called(&self.volume)
            .give(self.fact())
            .need(Need::fact(DISK_SERIALS.of(&Subject::node(&self.node))))
            .lock(bmc_lock(&self.node))
            .erasing(serials)
            .patience(PATIENCE)
            .origin(origin.cloned())
    }

    /// What it gives once the volume is gone, or goes at the next boot.
    pub(crate) fn fact(&self) -> FactKey {
        let old = Subject::new(Symbol::of("volume"), format!("{}/{}/{}", self.node, self.controller, self.volume));
        VOLUME_REMOVED.of(&old)
    }

    fn serials(&self) -> Vec<&str> {
        self.disks.iter().filter_map(|disk| disk.serial.as_deref()).collect()
    }

    /// The volume, where it is still the one that was seen: controllers give the id of an old volume to a new one.
    fn find<'a>(&self, controllers: &'a [StorageController]) -> Option<&'a Volume> {
        let controller = controllers.iter().find(|controller| controller.id == self.controller)?;
        let volume = controller.volumes.iter().find(|volume| volume.id == self.volume)?;
        let held: BTreeSet<&str> = controller
            .disks
            .iter()
            .filter(|disk| volume.disks.contains(&disk.part.slot))
            .filter_map(|disk| disk.part.serial.as_deref())
            .collect();
        (held == self.serials().into_iter().collect()).then_some(volume)
    }
}

#[async_trait]
impl Operation for RemoveVolume {
    const NAME: &'static str = "firmware.remove_volume";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Subject::node(&self.node);
        let controllers = facet(cx, &self.node, "remove volumes", |bmc| bmc.raid())?.controllers().await?;
        let facts = || Facts::new().with_key(self.fact(), &self.serials());
        let Some(volume) = self.find(&controllers) else {
            underway::forget(cx, &node, &request(&self.volume));
            return Ok(Check::Holds(facts()));
        };
        if underway::progress(cx, &node, &request(&self.volume)).await? == Progress::AtReset {
            return Ok(Check::Holds(facts()));
        }
        let level = volume.level.map_or_else(|| "a volume".to_owned(), |level| level.to_string());
        let now = format!("{level} of disks {}", self.serials().join(", "));
        Ok(Check::Differs(Diff::of(format!("volume {}", self.name), Some(now), None::<&str>)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let raid = facet(cx, &self.node, "remove volumes", |bmc| bmc.raid())?;
        // A disk may have been exchanged since the check: nothing is erased that was not seen.
        if self.find(&raid.controllers().await?).is_none() {
            return Ok(Applied::Done);
        }
        let accepted = raid.delete(&self.controller, &self.volume).await?;
        underway::note(cx, &Subject::node(&self.node), &request(&self.volume), &accepted);
        Ok(match accepted {
            Accepted::Done | Accepted::AtReset => Applied::Done,
            Accepted::Task(task) => stage::task(&task),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{MockBmc, MockRaid, Raid, RaidLevel};
    use crate::testing::{bench_with, node_named};
    use dip_core::hardware::{Disk, Part};
    use dip_core::testing::Bench;

    fn controller(serials: &[Option<&str>]) -> StorageController {
        let disk = |(slot, serial): (usize, &Option<&str>)| Disk {
            part: Part { slot: slot.to_string(), serial: serial.map(str::to_owned), ..Part::default() },
            ..Disk::default()
        };
        let disks = vec!["0".to_owned(), "1".to_owned()];
        let volume = Volume { id: "VD0".to_owned(), name: None, level: Some(RaidLevel::Raid1), disks, bytes: None };
        StorageController {
            id: "C0".to_owned(),
            model: None,
            levels: None,
            disks: serials.iter().enumerate().map(disk).collect(),
            volumes: vec![volume],
        }
    }

    fn seen(serials: &[Option<&str>]) -> Option<RemoveVolume> {
        let controller = controller(serials);
        RemoveVolume::of(&node_named("n1"), &controller, &controller.volumes[0])
    }

    fn bench(serials: &'static [Option<&'static str>], deletes: usize) -> Bench {
        let mut raid = MockRaid::new();
        raid.expect_controllers().returning(|| Ok(vec![controller(serials)]));
        raid.expect_delete().times(deletes).returning(|_, _| Ok(Accepted::Done));
        let raid: Arc<dyn Raid> = Arc::new(raid);
        let mut bmc = MockBmc::new();
        bmc.expect_raid().returning(move || Some(Arc::clone(&raid)));
        bmc.expect_tasks().returning(|| None);
        bench_with(bmc, seen(&[Some("S0"), Some("S1")]).expect("it is known").step(None))
    }

    #[tokio::test]
    async fn the_volume_that_was_seen_is_removed_and_one_on_other_disks_is_left_alone() {
        let removal = seen(&[Some("S0"), Some("S1")]).expect("both tell their serial numbers");
        let same = bench(&[Some("S0"), Some("S1")], 1);
        let Ok(Check::Differs(diff)) = removal.check(&same.context()).await else { panic!("it is there") };
        assert_eq!(diff.to_string(), "- volume VD0 RAID1 of disks S0, S1");
        removal.apply(&same.context()).await.expect("it is removed");
        let swapped = bench(&[Some("S0"), Some("S9")], 0);
        assert!(
            matches!(removal.check(&swapped.context()).await, Ok(Check::Holds(_))),
            "the one that was seen is gone"
        );
        removal.apply(&swapped.context()).await.expect("nothing is done");
    }

    #[test]
    fn a_volume_with_a_disk_that_nobody_can_name_is_never_proposed_to_be_removed() {
        assert!(seen(&[Some("S0"), None]).is_none());
    }
}
