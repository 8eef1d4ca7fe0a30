//! What is not done, and in which words that is told.

use dip_core::guard::Guard;
use dip_core::observed::Observed;
use dip_core::plan::render;
use dip_core::site::{Format, Lock, Site, Source};
use dip_firmware::provider::{BiosValue, RaidLevel, WantedVolume};
use dip_sandbox::datacenter;

use super::scene::{AT_ONE_BOOT, Scene, failures, layers, node, ready, words};

#[test]
fn an_older_firmware_is_refused_unless_it_is_allowed_and_holds_up_nothing_else() {
    let older = |downgrade: &str| {
        format!(
            "
profiles:
  base:
    firmware:
      bios: {{SriovGlobal: Enabled}}
      updates:
        BIOS: {{version: 2.2.0, image: \"http://images.demo.example/BIOS-2.2.0.bin\"{downgrade}}}
"
        )
    };
    let scene = Scene::new(1, &older(""));
    scene.sandbox.clone().block_on(async {
        let text = words(&scene.prepare().await.plan);
        assert!(text.contains("firmware of BIOS 2.3.1 → 2.2.0 (refused)"), "{text}");
        let report = scene.run(Guard::default()).await.expect("memory takes every record");
        let told = failures(&report);
        let wanted = "the firmware of `BIOS` of node `r1-n1` is not installed: `BIOS` runs 2.3.1, which is newer than 2.2.0; \
                      set `downgrade: allowed` if that is meant";
        assert!(told.contains(wanted), "{told}");
        let machine = scene.machine("r1-n1");
        assert_eq!(machine.firmware["BIOS"], "2.3.1");
        assert!(machine.answers && machine.bios["SriovGlobal"] == BiosValue::Text("Enabled".to_owned()));
        let allowed = scene.wants(&older(", downgrade: allowed"));
        ready(&allowed.run(Guard::default()).await.expect("memory takes every record"));
        assert_eq!(allowed.machine("r1-n1").firmware["BIOS"], "2.2.0");
    });
}

#[test]
fn what_must_run_before_and_does_not_is_told_and_nothing_is_flashed() {
    let scene = Scene::new(
        1,
        "
profiles:
  base:
    firmware:
      updates:
        BIOS: {version: 2.10.0, image: \"http://images.demo.example/BIOS-2.10.0.bin\", after: {BMC: 1.5.0}}
",
    );
    scene.sandbox.clone().block_on(async {
        let told = failures(&scene.run(Guard::default()).await.expect("memory takes every record"));
        assert!(told.contains("it needs `BMC` at 1.5.0 or newer, and that runs 1.4.0; add an update of it"), "{told}");
        assert_eq!(scene.count("flash BIOS"), 0);
    });
}

#[test]
fn nothing_is_erased_without_a_consent_that_names_the_disks() {
    let scene = Scene::new(1, AT_ONE_BOOT);
    scene.sandbox.clone().block_on(async {
        let refused = scene.run(Guard::default()).await.expect_err("nobody has consented");
        let told = dip_core::provider::sentence(&refused);
        assert!(told.contains("r1-n1-D2") && told.contains("r1-n1-D5"), "{told}");
        assert!(told.contains("firmware.make_volume node/r1-n1 data"), "{told}");
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 0);
        let mut guard = scene.consent_to(&scene.prepare().await.plan);
        guard.consents[0].serials.remove("r1-n1-D5");
        let refused = scene.run(guard).await.expect_err("one disk is not named");
        assert!(dip_core::provider::sentence(&refused).contains("r1-n1-D5"), "{refused}");
        assert!(scene.machine("r1-n1").volumes.is_empty());
    });
}

fn old_volume() -> WantedVolume {
    WantedVolume { name: "old".to_owned(), level: RaidLevel::Raid0, disks: vec!["0".to_owned(), "2".to_owned()] }
}

#[test]
fn a_volume_of_somebody_else_is_left_alone_unless_it_is_to_go_and_a_consent_names_all_its_disks() {
    let scene = Scene::new(1, AT_ONE_BOOT);
    scene.sandbox.by_hand().make_volume(&node("r1-n1"), &old_volume());
    let remove = scene.wants(&AT_ONE_BOOT.replace("firmware:", "firmware:\n      in_the_way: remove"));
    scene.sandbox.clone().block_on(async {
        let told = failures(&scene.run_with_consent().await);
        let wanted = "volume `old` of RAID.1 on node `r1-n1` has disks that `data` is to have, and its data is not erased to make \
                      room; set `in_the_way: remove` and give a consent that names r1-n1-D0, r1-n1-D2, or choose other disks";
        assert!(told.contains(wanted), "{told}");
        assert_eq!(scene.count("remove volume"), 0);
        let plan = remove.prepare().await.plan;
        let removal = plan.steps().iter().find(|planned| planned.step.name.as_str() == "firmware.remove_volume node/r1-n1 VD0");
        let removal = &removal.unwrap_or_else(|| panic!("{}", render::text(&plan))).step;
        assert_eq!(removal.erases.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["r1-n1-D0", "r1-n1-D2"]);
        assert!(words(&plan).contains("- volume old RAID0 of disks r1-n1-D0, r1-n1-D2"), "{}", words(&plan));
        ready(&remove.run_with_consent().await);
        let volumes = remove.machine("r1-n1").volumes;
        assert_eq!(volumes.len(), 1);
        assert_eq!((volumes[0].name.as_deref(), &volumes[0].disks[..]), (Some("data"), &["2".to_owned(), "5".to_owned()][..]));
    });
}

#[test]
fn a_node_that_lacks_disks_fails_alone_and_tells_what_it_has() {
    let scene = Scene::new(2, &AT_ONE_BOOT.replace("count: 2", "count: 4"));
    scene.sandbox.clone().block_on(async {
        let told = failures(&scene.run(Guard::default()).await.expect("memory takes every record"));
        assert!(told.contains("volume `data` wants 4 HDDs, on one controller, and only 2 are left that fit"), "{told}");
        assert!(told.contains("slot 2: HDD of 4000 GB, SAS, SB-H4000 (serial r1-n1-D2)"), "{told}");
        assert!(scene.machine("r1-n1").answers && scene.machine("r1-n2").answers, "all else goes on");
    });
}

#[test]
fn what_is_wrong_in_the_site_file_is_told_with_its_place_all_at_once() {
    let scene = Scene::new(
        1,
        "
profiles:
  base:
    firmware:
      volumes:
        - {name: system, level: raid1, disks: {count: 1}}
      updates:
        BMC: {version: 1.5.0, image: \"http://images.demo.example/BMC-1.5.0.bin\"}
        BIOS: {version: 2.10.0, image: \"http://images.demo.example/BIOS-2.10.0.bin\", after: {BMC: 1.6.0}}
",
    );
    scene.sandbox.clone().block_on(async {
        let error = scene.try_prepare(&mut Observed::new()).await.expect_err("it cannot be planned");
        let told = dip_core::provider::sentence(&error);
        assert!(
            told.contains("firmware.yaml:6:")
                && told.contains("volume `system`: RAID1 needs at least 2 disks and not 1"),
            "{told}"
        );
        assert!(
            told.contains("firmware.yaml:9:")
                && told.contains("needs `BMC` at 1.6.0 or newer, and `1.5.0` is wanted of it"),
            "{told}"
        );
    });
    let sources = [
        Source::new("site.yaml", Format::Yaml, datacenter(1, 1)),
        Source::new(
            "firmware.yaml",
            Format::Yaml,
            "profiles: {base: {firmware: {secure_boot: maybe, volumes: [{name: a, level: raid7, disks: {kind: tape}}]}}}".to_owned(),
        ),
    ];
    let faults =
        Site::parse(&sources, &layers().settings(), &Lock::default()).expect_err("three words are wrong").to_string();
    for word in ["maybe", "raid7", "tape"] {
        assert!(faults.contains(word), "{word} is not told:\n{faults}");
    }
}
