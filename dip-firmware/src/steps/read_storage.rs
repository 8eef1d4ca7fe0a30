//! `firmware.read_storage`: the disks and volumes of a node are known, and the wanted volumes have their disks.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::os::DISK_SERIALS;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Operation, OperationError, Patience};
use dip_core::provider::ErrorKind;
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use crate::provider::Bmc;
use crate::selection::select;
use crate::storage::{STORAGE, Storage};
use crate::wishes::VolumeWish;

/// Each disk is a question of its own to many controllers, some hundred milliseconds each; large machines have a hundred disks.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(10 * 60), attempt: Duration::from_secs(3 * 60) };

/// Reads what disks there are. Where a volume finds none for itself, this step fails, and no other node's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadStorage {
    /// The node.
    pub node: NodeName,
    /// The volumes that are wanted of it.
    pub volumes: Vec<VolumeWish>,
}

impl ReadStorage {
    pub(crate) fn step(self, origin: Option<&Origin>) -> Step {
        let subject = Subject::node(&self.node);
        Step::new(LayerId::Firmware, subject.clone(), &self)
            .give(STORAGE.of(&subject))
            .give(DISK_SERIALS.of(&subject))
            .lock(bmc_lock(&self.node))
            .patience(PATIENCE)
            .origin(origin.cloned())
    }

    async fn storage(&self, cx: &Context<'_>) -> Result<Storage, OperationError> {
        let raid = facet(cx, &self.node, "tell of its storage controllers", |bmc| bmc.raid())?;
        let controllers = raid.controllers().await?;
        let inventory = match cx.provider::<dyn Bmc>(&Subject::node(&self.node))?.inventory() {
            Some(inventory) => match inventory.hardware().await {
                Err(error) if error.kind() == ErrorKind::Unsupported => None,
                told => told?.disks,
            },
            None => None,
        };
        Ok(Storage::new(controllers, inventory.unwrap_or_default()))
    }
}

#[async_trait]
impl Operation for ReadStorage {
    const NAME: &'static str = "firmware.read_storage";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let storage = self.storage(cx).await?;
        if let Err(unmet) = select(&storage.disks(), &self.volumes) {
            return Err(OperationError::Impossible(format!("node `{}`: {unmet}", self.node)));
        }
        let subject = Subject::node(&self.node);
        let serials: BTreeSet<String> = storage.serials();
        Ok(Check::Holds(Facts::new().with(&STORAGE, &subject, &storage).with(&DISK_SERIALS, &subject, &serials)))
    }

    /// Its check never differs.
    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{Inventory, MockBmc, MockInventory, MockRaid, Raid, StorageController};
    use crate::testing::{bench_with, node_named};
    use crate::wishes::{DiskSelector, Level, Pick, Role};
    use dip_core::hardware::{Disk, Hardware, Part};
    use dip_core::testing::Bench;

    fn disk(slot: &str, controller: Option<&str>) -> Disk {
        let part = Part { slot: slot.to_owned(), serial: Some(format!("S{slot}")), ..Part::default() };
        Disk { part, controller: controller.map(str::to_owned), ..Disk::default() }
    }

    fn read(count: usize) -> ReadStorage {
        let disks = DiskSelector { pick: Pick::First, count: Some(count), ..DiskSelector::default() };
        let volumes = vec![VolumeWish { name: "system".to_owned(), level: Level::Raid1, role: Role::System, disks }];
        ReadStorage { node: node_named("n1"), volumes }
    }

    /// A machine with two disks on a controller, of which its inventory tells too, and one on none.
    fn bench() -> Bench {
        let controller = StorageController {
            id: "C0".to_owned(),
            model: None,
            levels: None,
            disks: vec![disk("0", None), disk("1", None)],
            volumes: vec![],
        };
        let mut raid = MockRaid::new();
        raid.expect_controllers().returning(move || Ok(vec![controller.clone()]));
        let mut inventory = MockInventory::new();
        let disks = vec![disk("0", Some("C0")), disk("1", None), disk("nvme0", Some("elsewhere"))];
        inventory
            .expect_hardware()
            .returning(move || Ok(Hardware { disks: Some(disks.clone()), ..Hardware::default() }));
        let (raid, inventory): (Arc<dyn Raid>, Arc<dyn Inventory>) = (Arc::new(raid), Arc::new(inventory));
        let mut bmc = MockBmc::new();
        bmc.expect_raid().returning(move || Some(Arc::clone(&raid)));
        bmc.expect_inventory().returning(move || Some(Arc::clone(&inventory)));
        bench_with(bmc, read(2).step(None))
    }

    #[tokio::test]
    async fn each_disk_is_known_once_whoever_tells_of_it() {
        let Ok(Check::Holds(facts)) = read(2).check(&bench().context()).await else { panic!("it is not known") };
        let subject = Subject::node(&node_named("n1"));
        let storage = facts.read::<Storage>(&STORAGE.of(&subject)).expect("its type").expect("it is told");
        assert_eq!(storage.others, [disk("nvme0", None)]);
        assert_eq!(storage.disks()[0].controller.as_deref(), Some("C0"));
        let serials = facts.read(&DISK_SERIALS.of(&subject)).expect("its type");
        assert_eq!(serials, Some(BTreeSet::from(["S0", "S1", "Snvme0"].map(str::to_owned))));
    }

    #[tokio::test]
    async fn a_node_without_enough_disks_fails_alone_and_tells_what_it_has() {
        let error = read(4).check(&bench().context()).await.expect_err("there are two");
        let told = error.to_string();
        assert!(
            told.starts_with("node `n1`: volume `system` wants 4 disks, on one controller, and only 2 are left"),
            "{told}"
        );
        assert!(told.contains("slot nvme0: disk (serial Snvme0)"), "{told}");
    }
}
