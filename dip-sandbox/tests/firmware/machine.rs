//! The machines themselves: what waits for a reset, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use dip_core::provider::{ErrorKind, PowerAction};
use dip_core::subject::Subject;
use dip_firmware::provider::{Accepted, BiosAttributes, BiosValue, Bmc, RaidLevel, TaskState, WantedVolume};

use super::scene::{Scene, node};

fn bmc(scene: &Scene) -> Arc<dyn Bmc> {
    scene.sandbox.providers().find::<dyn Bmc>(&Subject::node(&node("r1-n1"))).expect("the node has a BMC")
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn fans(offset: i64) -> BiosAttributes {
    [("FanOffset".to_owned(), BiosValue::Number(offset))].into()
}

fn mirror() -> WantedVolume {
    WantedVolume { name: "system".to_owned(), level: RaidLevel::Raid1, disks: vec!["1".to_owned(), "3".to_owned()] }
}

#[test]
fn power_that_is_cut_in_the_self_test_leaves_waiting_what_waited() {
    let scene = Scene::new(1, "");
    scene.sandbox.clone().block_on(async {
        let bmc = bmc(&scene);
        let (bios, power) = (bmc.bios().expect("it has one"), bmc.power().expect("it has one"));
        assert_eq!(bios.set(&fans(30)).await.expect("it is taken"), Accepted::AtReset);
        assert_eq!(
            bmc.raid().expect("it has one").create("RAID.1", &mirror()).await.expect("it is taken"),
            Accepted::AtReset
        );
        power.request(PowerAction::On).await.expect("it obeys");
        pass(20).await;
        power.request(PowerAction::Off).await.expect("it obeys");
        pass(20).await;
        let state = bios.state().await.expect("it answers");
        assert_eq!((state.current["FanOffset"].clone(), state.pending), (BiosValue::Number(0), fans(30)));
        assert!(scene.machine("r1-n1").volumes.is_empty());
        power.request(PowerAction::On).await.expect("it obeys");
        pass(200).await;
        assert_eq!(scene.machine("r1-n1").bios["FanOffset"], BiosValue::Number(30));
        assert_eq!(scene.machine("r1-n1").volumes.len(), 1);
        assert!(bios.state().await.expect("it answers").pending.is_empty());
    });
}

#[test]
fn a_running_machine_makes_a_volume_in_a_task_and_asking_twice_is_asking_once() {
    let scene = Scene::new(1, "");
    scene.sandbox.clone().block_on(async {
        let bmc = bmc(&scene);
        let (raid, tasks) = (bmc.raid().expect("it has one"), bmc.tasks().expect("it has some"));
        bmc.power().expect("it has one").request(PowerAction::On).await.expect("it obeys");
        pass(300).await;
        let Accepted::Task(task) = raid.create("RAID.1", &mirror()).await.expect("it is taken") else {
            panic!("it is no task");
        };
        assert_eq!(raid.create("RAID.1", &mirror()).await.expect("it is taken"), Accepted::Task(task.clone()));
        assert!(matches!(tasks.task(&task).await, Ok(TaskState::Running(Some(_)))));
        pass(60).await;
        assert_eq!(tasks.task(&task).await.expect("it answers"), TaskState::Done);
        assert_eq!(raid.create("RAID.1", &mirror()).await.expect("it is there"), Accepted::Done);
        let other = WantedVolume { name: "other".to_owned(), ..mirror() };
        let error = raid.create("RAID.1", &other).await.expect_err("its disks are taken");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("the disk in slot 1 is in volume system"), "{error}");
        assert_eq!(scene.count("make volume"), 1);
    });
}

#[test]
fn a_controller_that_writes_its_own_firmware_is_away_and_forgets_its_tasks() {
    let scene = Scene::new(1, "");
    scene.sandbox.clone().block_on(async {
        let bmc = bmc(&scene);
        let (firmware, tasks) = (bmc.firmware().expect("it has some"), bmc.tasks().expect("it has some"));
        let itself = ["BMC".to_owned()];
        let accepted = firmware.install("http://images/BMC-1.5.0.bin", &itself).await.expect("it is taken");
        let Accepted::Task(task) = accepted else { panic!("{accepted:?}") };
        let error = firmware.install("http://images/BMC-1.5.1.bin", &itself).await.expect_err("it is at it");
        assert_eq!(error.kind(), ErrorKind::Busy);
        let mut was_away = false;
        for _ in 0..60 {
            pass(10).await;
            was_away |= matches!(tasks.task(&task).await, Err(error) if error.kind() == ErrorKind::Unreachable);
        }
        assert!(was_away);
        assert_eq!(tasks.task(&task).await.expect("it is back"), TaskState::Gone);
        assert_eq!(scene.machine("r1-n1").firmware["BMC"], "1.5.0");
    });
}

#[test]
fn a_setting_that_its_registry_does_not_allow_is_refused_with_what_it_allows_and_none_is_taken() {
    let scene = Scene::new(1, "");
    scene.sandbox.clone().block_on(async {
        let bios = bmc(&scene).bios().expect("it has one");
        for (name, value, told) in [
            ("FanOffset", BiosValue::Number(101), "which takes 0 to 100"),
            ("SystemServiceTag", BiosValue::Text("mine".to_owned()), "is read-only"),
            ("Turbo", BiosValue::Switch(true), "there is no attribute Turbo"),
        ] {
            let mut wanted: BiosAttributes =
                [("ProcVirtualization".to_owned(), BiosValue::Text("Enabled".to_owned()))].into();
            wanted.insert(name.to_owned(), value);
            let error = bios.set(&wanted).await.expect_err("it is not taken");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(told), "{error}");
        }
        assert!(bios.state().await.expect("it answers").pending.is_empty());
    });
}
