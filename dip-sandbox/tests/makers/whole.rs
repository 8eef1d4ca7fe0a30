//! From powered off to ready, by the real Redfish provider.

use std::collections::BTreeSet;

use dip_core::plan::render;
use dip_core::subject::Subject;
use dip_firmware::models::Maker;
use dip_firmware::provider::{BiosValue, Bmc, RaidLevel};
use dip_sandbox::NodeSnapshot;

use super::scene::{Scene, node, ready};

/// Settings, Secure Boot, a volume, and an update that a task installs.
pub(super) const WANTED: &str = "
profiles:
  base:
    firmware:
      bios: {ProcVirtualization: Enabled, SriovGlobal: Enabled, FanOffset: 20}
      secure_boot: enabled
      volumes:
        - {name: system, level: raid1, role: system, disks: {kind: ssd, pick: smallest, count: 2}}
      updates:
        BIOS: {version: 2.10.0, image: \"http://images.demo.example/BIOS-2.10.0.bin\"}
";

/// One node of one rack whose BMC is of this maker.
pub(super) fn scene(maker: Maker) -> Scene {
    let scene = Scene::new(1, WANTED);
    scene.sandbox.by_hand().fit_bmc(&node("r1-n1"), maker);
    scene
}

#[track_caller]
pub(super) fn is_as_wanted(machine: &NodeSnapshot) {
    assert_eq!(machine.bios["ProcVirtualization"], BiosValue::Text("Enabled".to_owned()));
    assert_eq!(machine.bios["FanOffset"], BiosValue::Number(20));
    assert!(machine.secure_boot.enforced);
    assert_eq!(machine.firmware["BIOS"], "2.10.0");
    let volumes: Vec<_> = machine.volumes.iter().map(|it| (it.name.as_deref(), it.level, it.disks.clone())).collect();
    assert_eq!(volumes, [(Some("system"), Some(RaidLevel::Raid1), vec!["1".to_owned(), "3".to_owned()])]);
    assert!(machine.answers);
}

#[test]
fn a_node_of_each_maker_comes_from_powered_off_to_ready_and_nothing_is_left_to_do() {
    for maker in Maker::ALL {
        let scene = scene(maker);
        scene.sandbox.clone().block_on(async {
            ready(&scene.run_with_consent().await);
            is_as_wanted(&scene.machine("r1-n1"));
            assert_eq!(
                scene.sandbox.boots(&node("r1-n1")),
                2,
                "{}: into the firmware, and into the system",
                maker.name()
            );
            let again = scene.prepare().await.plan;
            assert!(again.is_empty(), "{}: {}", maker.name(), render::text(&again));
            assert_eq!((scene.count("make volume"), scene.count("flash BIOS")), (1, 1), "{}", maker.name());
        });
    }
}

#[test]
fn the_same_seed_is_the_same_course_of_events() {
    let course = |maker| {
        let scene = scene(maker);
        scene.sandbox.clone().block_on(async { ready(&scene.run_with_consent().await) });
        (scene.sandbox.mutations(), scene.sandbox.snapshot())
    };
    let (one, other) = (course(Maker::Dell), course(Maker::Dell));
    assert_eq!(one.0, other.0);
    assert!(one.1 == other.1);
}

#[test]
fn a_controller_and_the_inventory_tell_the_same_version_of_its_firmware() {
    let mut told = BTreeSet::new();
    for maker in Maker::ALL.map(Some).into_iter().chain([None]) {
        let scene = Scene::new(1, "");
        if let Some(maker) = maker {
            scene.sandbox.by_hand().fit_bmc_with(&node("r1-n1"), maker, "7.20.30");
        }
        scene.sandbox.clone().block_on(async {
            let bmc = scene.sandbox.providers().find::<dyn Bmc>(&Subject::node(&node("r1-n1"))).expect("it has one");
            let itself = bmc.controller().expect("it tells of itself").state().await.expect("it answers").firmware;
            let listed = bmc.firmware().expect("it lists some").components().await.expect("it answers");
            let listed = listed.into_iter().find(|component| component.id == "BMC").expect("it lists itself");
            assert_eq!(itself, listed.version, "{maker:?}");
            told.extend(itself);
        });
    }
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["1.4.0", "7.20.30"]);
}
