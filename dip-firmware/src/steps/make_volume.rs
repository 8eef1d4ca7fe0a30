//! `firmware.make_volume`: a volume of a storage controller is there, on the disks that were chosen for it.
//!
//! A controller cannot say whether a disk that is in no volume holds data, so that to make a volume of it erases: a consent
//! names its serial number. A disk that another volume has is never taken.

use std::collections::BTreeSet;

use async_trait::async_trait;
use dip_core::fact::firmware::VOLUME;
use dip_core::fact::os::DISK_SERIALS;
use dip_core::fact::{Fact, FactKey, Facts};
use dip_core::hardware::Disk;
use dip_core::id::{LayerId, NodeName, Symbol};
use dip_core::operation::{Applied, Check, Context, Diff, Gap, Operation, OperationError, Patience};
use dip_core::site::Origin;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use super::stage::{self, Stage};
use crate::provider::{Accepted, StorageController, Volume, WantedVolume};
use crate::selection::Chosen;
use crate::underway::{self, Progress};
use crate::wishes::{Level, Role};

/// A volume was asked for and comes about at the next boot, or is there.
pub(crate) const VOLUME_ACCEPTED: Fact<Vec<String>> = Fact::new("firmware.volume_accepted");

/// A controller makes a volume in minutes; that it initialises in the background is not waited for.
pub(super) const PATIENCE: Patience =
    Patience { deadline: std::time::Duration::from_secs(45 * 60), attempt: std::time::Duration::from_secs(20 * 60) };

/// Makes a volume; with [`Level::Jbod`] it sees to it that no volume has the disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeVolume {
    /// The node.
    pub node: NodeName,
    /// The volume's name.
    pub volume: String,
    /// How it is spread.
    pub level: Level,
    /// Its disks, by slot.
    pub disks: Vec<DiskRef>,
    /// How far it must have come.
    #[serde(default, skip_serializing_if = "Stage::is_whole")]
    pub stage: Stage,
}

/// A disk in a slot: another one in the same slot is not meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DiskRef {
    /// The controller that it hangs on; `None` where it hangs on none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Its slot.
    pub slot: String,
    /// Its serial number; a disk of a volume has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

impl From<&Disk> for DiskRef {
    fn from(disk: &Disk) -> Self {
        Self { controller: disk.controller.clone(), slot: disk.part.slot.clone(), serial: disk.part.serial.clone() }
    }
}

/// The subject of a volume's facts.
pub(crate) fn volume_subject(node: &NodeName, volume: &str) -> Subject {
    Subject::new(Symbol::of("volume"), format!("{node}/{volume}"))
}

impl MakeVolume {
    fn new(node: &NodeName, chosen: &Chosen, stage: Stage) -> Self {
        let Chosen { name, level, disks, .. } = chosen;
        let disks = disks.iter().map(DiskRef::from).collect();
        Self { node: node.clone(), volume: name.clone(), level: *level, disks, stage }
    }

    /// Of one that is there, or of disks that are in no volume: it is looked at, and made again where somebody took it away.
    pub(crate) fn whole(node: &NodeName, chosen: &Chosen, origin: Option<&Origin>) -> Step {
        let make = Self::new(node, chosen, Stage::Whole);
        if chosen.level == Level::Jbod { make.bare(origin) } else { make.erasing(origin) }
    }

    /// The step that asks, and the one that looks after the boot.
    pub(crate) fn steps(node: &NodeName, chosen: &Chosen, origin: Option<&Origin>) -> [Step; 2] {
        let environment = match chosen.role {
            // No system is started that would miss it.
            Role::System => Environment::Firmware,
            Role::Data => Environment::Installed,
        };
        let since = VOLUME_ACCEPTED.of(&volume_subject(node, &chosen.name));
        let in_force = Self::new(node, chosen, Stage::InForce).bare(origin);
        [
            Self::new(node, chosen, Stage::Accepted).erasing(origin),
            stage::after_boot(in_force, node, environment, [since]),
        ]
    }

    /// Of disks that are in no volume once what was in the way is gone, after the boot in which it goes.
    pub(crate) fn freed(
        node: &NodeName,
        chosen: &Chosen,
        since: impl IntoIterator<Item = FactKey>,
        origin: Option<&Origin>,
    ) -> Step {
        let step = Self::new(node, chosen, Stage::InForce).bare(origin);
        stage::after_boot(step, node, Environment::Installed, since)
    }

    fn erasing(&self, origin: Option<&Origin>) -> Step {
        let serials = self.disks.iter().filter_map(|disk| disk.serial.as_ref());
        let seen = DISK_SERIALS.of(&Subject::node(&self.node));
        self.bare(origin).need(Need::fact(seen)).erasing(serials).patience(PATIENCE)
    }

    fn bare(&self, origin: Option<&Origin>) -> Step {
        Step::new(LayerId::Firmware, Subject::node(&self.node), self)
            .called(&self.volume)
            .give(self.fact())
            .lock(bmc_lock(&self.node))
            .origin(origin.cloned())
    }

    fn fact(&self) -> FactKey {
        let fact = if self.stage == Stage::Accepted { VOLUME_ACCEPTED } else { VOLUME };
        fact.of(&volume_subject(&self.node, &self.volume))
    }

    fn request(&self) -> String {
        format!("volume `{}`", self.volume)
    }

    fn holds(&self) -> Check {
        let serials: Vec<&String> = self.disks.iter().filter_map(|disk| disk.serial.as_ref()).collect();
        Check::Holds(Facts::new().with_key(self.fact(), &serials))
    }

    fn slots(&self) -> Vec<String> {
        self.disks.iter().map(|disk| disk.slot.clone()).collect()
    }

    /// The controller of all disks of a volume.
    fn controller<'a>(&self, controllers: &'a [StorageController]) -> Result<&'a StorageController, OperationError> {
        let id = self.disks.first().and_then(|disk| disk.controller.as_ref());
        controllers.iter().find(|controller| Some(&controller.id) == id).ok_or_else(|| {
            let id = id.map_or("that was chosen", String::as_str);
            OperationError::Impossible(format!(
                "node `{}` has no storage controller {id} any more; plan again",
                self.node
            ))
        })
    }

    /// Whether it is there. The name alone does not count: not all controllers keep names.
    fn is(&self, volume: &Volume) -> bool {
        let (own, wanted): (BTreeSet<_>, BTreeSet<_>) =
            (volume.disks.iter().collect(), self.disks.iter().map(|disk| &disk.slot).collect());
        volume.level == self.level.raid() && own == wanted
    }

    /// The volumes of other people, or of other wishes, that have one of the disks.
    fn in_the_way<'a>(&'a self, controllers: &'a [StorageController]) -> Vec<(&'a StorageController, &'a Volume)> {
        let has = |controller: &StorageController, volume: &Volume| {
            self.disks
                .iter()
                .any(|disk| disk.controller.as_ref() == Some(&controller.id) && volume.disks.contains(&disk.slot))
        };
        let all =
            controllers.iter().flat_map(|controller| controller.volumes.iter().map(move |volume| (controller, volume)));
        all.filter(|(controller, volume)| has(controller, volume) && (self.level == Level::Jbod || !self.is(volume)))
            .collect()
    }

    /// A disk that is not the one that was chosen.
    fn exchanged(&self, controller: &StorageController) -> Result<(), OperationError> {
        for disk in &self.disks {
            let there = controller.disks.iter().find(|known| known.part.slot == disk.slot);
            let serial = there.and_then(|known| known.part.serial.as_ref());
            if serial != disk.serial.as_ref() {
                let (slot, node) = (&disk.slot, &self.node);
                let now = serial
                    .map_or_else(|| "no disk that tells a serial number".to_owned(), |serial| format!("`{serial}`"));
                let was = disk.serial.as_deref().unwrap_or("one without");
                return Err(OperationError::Impossible(format!(
                    "slot {slot} of node `{node}` has {now} and not the disk `{was}` that was chosen; look at the machine, and plan again"
                )));
            }
        }
        Ok(())
    }

    fn told_of(&self, controller: &StorageController, volume: &Volume) -> Gap {
        let name = volume.name.as_ref().unwrap_or(&volume.id);
        let serials: Vec<&str> = controller
            .disks
            .iter()
            .filter(|disk| volume.disks.contains(&disk.part.slot))
            .filter_map(|disk| disk.part.serial.as_deref())
            .collect();
        Gap::Foreign(
            format!(
                "volume `{name}` of {} on node `{}` has disks that `{}` is to have, and its data is not erased to make room; set \
                 `in_the_way: remove` and give a consent that names {}, or choose other disks",
                controller.id,
                self.node,
                self.volume,
                serials.join(", ")
            )
            .into(),
        )
    }
}

#[async_trait]
impl Operation for MakeVolume {
    const NAME: &'static str = "firmware.make_volume";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Subject::node(&self.node);
        let controllers = facet(cx, &self.node, "make volumes", |bmc| bmc.raid())?.controllers().await?;
        let Some(level) = self.level.raid() else {
            return Ok(match self.in_the_way(&controllers).first() {
                None => self.holds(),
                Some((_, volume)) if self.stage == Stage::InForce => {
                    let name = volume.name.as_ref().unwrap_or(&volume.id);
                    Check::Differs(Diff::of("volume", Some(name), None::<&str>))
                }
                Some((controller, volume)) => Check::Unknown(self.told_of(controller, volume)),
            });
        };
        let controller = self.controller(&controllers)?;
        if controller.volumes.iter().any(|volume| self.is(volume)) {
            underway::forget(cx, &node, &self.request());
            return Ok(self.holds());
        }
        let serials: Vec<&str> = self.disks.iter().filter_map(|disk| disk.serial.as_deref()).collect();
        let wanted = format!("{level} of {} in slots {}", serials.join(", "), self.slots().join(", "));
        let progress = match underway::progress(cx, &node, &self.request()).await? {
            Progress::AtReset if self.stage == Stage::Accepted => return Ok(self.holds()),
            Progress::Running(Some(percent)) => format!(" ({percent} % done)"),
            Progress::AtReset | Progress::Running(None) => String::new(),
            Progress::None if self.stage == Stage::InForce => String::new(),
            Progress::None => {
                for (holder, volume) in self.in_the_way(&controllers) {
                    // One that goes at the next boot makes room in time.
                    let request = super::remove_volume::request(&volume.id);
                    if underway::progress(cx, &node, &request).await? == Progress::None {
                        return Ok(Check::Unknown(self.told_of(holder, volume)));
                    }
                }
                String::new()
            }
        };
        let what = format!("volume {}", self.volume);
        Ok(Check::Differs(Diff::missing(what, format!("{wanted}{}{progress}", self.stage.when()))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Subject::node(&self.node);
        if self.stage == Stage::InForce {
            underway::has_booted(cx, &node, &self.request());
            return Ok(stage::watch());
        }
        let raid = facet(cx, &self.node, "make volumes", |bmc| bmc.raid())?;
        let controllers = raid.controllers().await?;
        let controller = self.controller(&controllers)?;
        self.exchanged(controller)?;
        let Some(level) = self.level.raid() else { return Ok(Applied::Done) };
        let wanted = WantedVolume { name: self.volume.clone(), level, disks: self.slots() };
        let accepted = raid.create(&controller.id, &wanted).await?;
        underway::note(cx, &node, &self.request(), &accepted);
        Ok(match accepted {
            Accepted::Done | Accepted::AtReset => Applied::Done,
            Accepted::Task(task) => stage::task(&task),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::Underway;
    use crate::provider::{Bmc, MockBmc, MockRaid, MockTasks, Raid, RaidLevel, TaskRef, TaskState, Tasks};
    use crate::testing::node_named;
    use dip_core::hardware::Part;
    use dip_core::provider::Providers;
    use dip_core::testing::Bench;

    fn disk(slot: &str, serial: &str) -> Disk {
        let part = Part { slot: slot.to_owned(), serial: Some(serial.to_owned()), ..Part::default() };
        Disk { part, controller: Some("C0".to_owned()), ..Disk::default() }
    }

    fn wanted(stage: Stage) -> MakeVolume {
        let disks = vec![disk("0", "S0"), disk("1", "S1")];
        let chosen = Chosen { name: "system".to_owned(), level: Level::Raid1, role: Role::System, disks };
        MakeVolume::new(&node_named("n1"), &chosen, stage)
    }

    fn volume(id: &str, level: RaidLevel, slots: &[&str]) -> Volume {
        let disks = slots.iter().map(ToString::to_string).collect();
        Volume { id: id.to_owned(), name: None, level: Some(level), disks, bytes: None }
    }

    /// A controller with these disks and volumes, which accepts what it is asked, and a task that is that far.
    fn bench(serials: [&str; 2], volumes: &[Volume], accepts: Accepted, task: TaskState) -> (Bench, Arc<Mutex<usize>>) {
        let controller = StorageController {
            id: "C0".to_owned(),
            model: None,
            levels: None,
            disks: vec![disk("0", serials[0]), disk("1", serials[1])],
            volumes: volumes.to_vec(),
        };
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let mut raid = MockRaid::new();
        raid.expect_controllers().returning(move || Ok(vec![controller.clone()]));
        raid.expect_create().returning(move |_, _| {
            *count.lock().expect("no test panics with it") += 1;
            Ok(accepts.clone())
        });
        let mut tasks = MockTasks::new();
        tasks.expect_task().returning(move |_| Ok(task.clone()));
        let (raid, tasks): (Arc<dyn Raid>, Arc<dyn Tasks>) = (Arc::new(raid), Arc::new(tasks));
        let mut bmc = MockBmc::new();
        bmc.expect_raid().returning(move || Some(Arc::clone(&raid)));
        bmc.expect_tasks().returning(move || Some(Arc::clone(&tasks)));
        let subject = Subject::node(&node_named("n1"));
        let mut providers = Providers::new();
        providers.insert::<dyn Bmc>(&subject, Arc::new(bmc));
        providers.insert::<Underway>(&subject, Arc::default());
        (Bench::new(providers, wanted(Stage::Accepted).erasing(None)), asked)
    }

    fn task() -> Accepted {
        Accepted::Task(TaskRef("JID_1".to_owned()))
    }

    #[test]
    fn the_step_erases_its_disks_and_reads_which_are_in_the_node() {
        let step = wanted(Stage::Accepted).erasing(None);
        assert_eq!(step.erases.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["S0", "S1"]);
        assert!(step.needs.contains(&Need::fact(DISK_SERIALS.of(&Subject::node(&node_named("n1"))))));
    }

    #[tokio::test]
    async fn a_volume_counts_by_what_it_is_and_not_by_its_name() {
        let (there, _) = bench(["S0", "S1"], &[volume("VD0", RaidLevel::Raid1, &["1", "0"])], task(), TaskState::Gone);
        assert!(matches!(wanted(Stage::Whole).check(&there.context()).await, Ok(Check::Holds(_))));
        let (other, _) = bench(["S0", "S1"], &[volume("VD0", RaidLevel::Raid0, &["0", "1"])], task(), TaskState::Gone);
        let check = wanted(Stage::Whole).check(&other.context()).await;
        let Ok(Check::Unknown(gap)) = check else { panic!("{check:?}") };
        assert!(gap.to_string().contains("give a consent that names S0, S1"), "{gap}");
    }

    #[tokio::test]
    async fn what_waits_for_a_reset_is_accepted_and_not_there() {
        for accepts in [Accepted::AtReset, task()] {
            let (bench, _) = bench(["S0", "S1"], &[], accepts, TaskState::Pending);
            let accepted = wanted(Stage::Accepted);
            assert!(matches!(accepted.check(&bench.context()).await, Ok(Check::Differs(_))));
            accepted.apply(&bench.context()).await.expect("it is accepted");
            assert!(matches!(accepted.check(&bench.context()).await, Ok(Check::Holds(_))));
            assert!(matches!(wanted(Stage::InForce).check(&bench.context()).await, Ok(Check::Differs(_))));
        }
    }

    #[tokio::test]
    async fn a_task_that_fails_is_told_in_the_words_of_the_controller_and_one_that_is_lost_is_looked_past() {
        let accepted = wanted(Stage::Accepted);
        let (failed, _) = bench(["S0", "S1"], &[], task(), TaskState::Failed("disk 1 is foreign".to_owned()));
        assert!(matches!(accepted.apply(&failed.context()).await, Ok(Applied::Wait { .. })));
        let error = accepted.check(&failed.context()).await.expect_err("it has failed");
        assert!(error.to_string().contains("volume `system`, has failed: disk 1 is foreign"), "{error}");
        let (lost, _) = bench(["S0", "S1"], &[], task(), TaskState::Gone);
        accepted.apply(&lost.context()).await.expect("it is accepted");
        assert!(matches!(accepted.check(&lost.context()).await, Ok(Check::Differs(_))), "nothing is there");
    }

    #[tokio::test]
    async fn a_disk_that_was_exchanged_since_is_not_taken() {
        let (bench, asked) = bench(["S0", "S9"], &[], task(), TaskState::Gone);
        let error = wanted(Stage::Accepted).apply(&bench.context()).await.expect_err("it is another disk");
        assert!(error.to_string().contains("slot 1 of node `n1` has `S9` and not the disk `S1`"), "{error}");
        assert_eq!(*asked.lock().expect("no test panics with it"), 0);
    }
}
