//! From powered off to ready, in as few boots as that takes.

use std::collections::BTreeSet;
use std::time::Duration;

use dip_core::guard::Guard;
use dip_core::id::LayerId;
use dip_core::observed::Observed;
use dip_core::operation::Check;
use dip_core::plan::render;
use dip_core::testing::Bench;
use dip_firmware::provider::BiosValue;
use dip_sandbox::Fault;

use super::scene::{ALL, AT_ONE_BOOT, Scene, boots, is_as_wanted, layers, node, ready, words};

#[test]
fn three_attributes_a_volume_and_secure_boot_of_a_running_node_share_one_boot() {
    let scene = Scene::new(1, "");
    let wanted = scene.wants(AT_ONE_BOOT);
    scene.sandbox.clone().block_on(async {
        ready(&scene.run(Guard::default()).await.expect("memory takes every record"));
        let plan = wanted.prepare().await.plan;
        assert_eq!(boots(&plan), ["r1-n1 installed→installed"]);
        let text = words(&plan);
        for told in [
            "ProcVirtualization Disabled → Enabled, at the next boot",
            "FanOffset 0 → 20, at the next boot",
            "Secure Boot disabled → enabled, at the next boot",
            "+ volume data RAID1 of r1-n1-D2, r1-n1-D5 in slots 2, 5, at the next boot",
        ] {
            assert!(text.contains(told), "{told} is not in\n{text}");
        }
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 1, "nobody boots a node to look at it");
        ready(&wanted.run_with_consent().await);
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 2);
        let machine = wanted.machine("r1-n1");
        assert!(machine.secure_boot.enforced);
        assert_eq!(machine.bios["SriovGlobal"], BiosValue::Text("Enabled".to_owned()));
        assert_eq!(machine.volumes[0].disks, ["2", "5"]);
        // The clock of a system that has just booted follows nobody yet; that is another layer's.
        let again = wanted.prepare().await.plan;
        assert!(
            again.steps().iter().all(|planned| planned.step.layer != LayerId::Firmware),
            "{}",
            render::text(&again)
        );
        assert!(again.boots().is_empty());
    });
}

#[test]
fn nodes_come_from_powered_off_to_ready_with_firmware_settings_and_volumes() {
    let scene = Scene::new(3, ALL);
    scene.sandbox.clone().block_on(async {
        let prepared = scene.prepare().await;
        assert_eq!(prepared.plan.boots().len(), 6, "{:?}", boots(&prepared.plan));
        assert_eq!(boots(&prepared.plan)[0], "r1-n1 off→firmware");
        ready(&scene.run_with_consent().await);
        for name in ["r1-n1", "r1-n2", "r1-n3"] {
            is_as_wanted(&scene.machine(name));
            assert_eq!(scene.sandbox.boots(&node(name)), 2, "into the firmware, and into the system");
        }
        let again = scene.prepare().await;
        assert!(again.plan.is_empty(), "{}", render::text(&again.plan));
        assert!(again.drift().is_none());
        assert_eq!((scene.count("make volume"), scene.count("flash BIOS"), scene.count("flash BMC")), (3, 3, 3));
    });
}

#[test]
fn what_disks_there_are_is_looked_up_before_anything_is_planned_of_them() {
    let scene = Scene::new(1, ALL);
    scene.sandbox.clone().block_on(async {
        let site = &scene.site;
        let deferred = layers().iter().flat_map(|layer| layer.deferred(site, &Observed::new())).collect::<Vec<_>>();
        let told: Vec<String> = deferred.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "deferred until firmware.components of r1-n1 is known: the firmware of BIOS, BMC of r1-n1",
                "deferred until firmware.storage of r1-n1 is known: volumes system, data of r1-n1",
            ]
        );
        assert!(deferred[1].origin.as_ref().is_some_and(|origin| origin.to_string().starts_with("firmware.yaml:8:")));
        // A BMC that does not answer: the rest is planned, and these wait.
        scene.sandbox.inject(Fault::BmcSilent { node: node("r1-n1"), lasting: Duration::from_secs(600) });
        let plan = scene.prepare().await.plan;
        assert_eq!(plan.deferred().len(), 2);
    });
}

#[test]
fn each_step_of_the_transaction_that_is_applied_a_second_time_changes_nothing() {
    let scene = Scene::new(1, ALL);
    scene.sandbox.clone().block_on(async {
        let planned = scene.prepare().await.plan;
        ready(&scene.run_with_consent().await);
        let (operations, providers) = (layers().operations(), scene.sandbox.providers());
        let before = (scene.sandbox.snapshot(), scene.sandbox.mutations());
        let mut repeated = BTreeSet::new();
        for step in planned
            .steps()
            .iter()
            .map(|planned| &planned.step)
            .filter(|step| step.layer == LayerId::Firmware && step.boot.is_none())
        {
            let bench = Bench::new(providers.clone(), step.clone());
            let operation = operations.load(&step.call).expect("it ran a moment ago");
            operation
                .apply(&bench.context())
                .await
                .unwrap_or_else(|error| panic!("{} a second time: {error}", step.name));
            tokio::time::sleep(Duration::from_secs(600)).await;
            let check = operation.check(&bench.context()).await;
            assert!(matches!(check, Ok(Check::Holds(_))), "{} a second time: {check:?}", step.name);
            assert!(before == (scene.sandbox.snapshot(), scene.sandbox.mutations()), "{} a second time", step.name);
            repeated.insert(step.call.operation().to_owned());
        }
        assert_eq!(repeated.len(), 4, "{repeated:?}");
    });
}
