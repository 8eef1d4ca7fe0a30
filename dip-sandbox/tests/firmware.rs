//! Firmware, settings and volumes of nodes as one transaction: from powered off to ready, with everything that can go wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_core::actor::Actor;
use dip_core::engine::{Clock as _, Converge, ConvergeEnd, Engine, EngineError, Planner, Prepared, Round, Stop};
use dip_core::guard::{Consent, Guard};
use dip_core::id::{LayerId, NodeName};
use dip_core::journal::{Journal, JournalError, MemoryJournal, Record};
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::plan::{Goal, Plan, PlanError, render};
use dip_core::report::{Outcome, Report};
use dip_core::site::{Format, Lock, Site, Source};
use dip_core::step::Hazard;
use dip_firmware::FirmwareLayer;
use dip_firmware::provider::{BiosValue, RaidLevel, WantedVolume};
use dip_network::NetworkLayer;
use dip_opsclients::OpsClientsLayer;
use dip_opsmgmt::OpsMgmtLayer;
use dip_os::OsLayer;
use dip_sandbox::{Fault, NodeSnapshot, Sandbox, datacenter};
use jiff::SignedDuration;

/// What the page shows, and a bit of all.
const ALL: &str = "
profiles:
  base:
    firmware:
      bios: {ProcVirtualization: Enabled, SriovGlobal: Enabled, FanOffset: 20}
      secure_boot: enabled
      volumes:
        - {name: system, level: raid1, role: system, disks: {kind: ssd, pick: smallest, count: 2}}
        - {name: data, level: jbod, disks: {pick: rest}}
      updates:
        BMC: {version: 1.6.0, image: \"http://images.demo.example/BMC-1.6.0.bin\", takes_effect: at_once}
        BIOS: {version: 2.10.0, image: \"http://images.demo.example/BIOS-2.10.0.bin\", after: {BMC: 1.5.0}}
";

/// Three attributes, Secure Boot and a volume for data.
const AT_ONE_BOOT: &str = "
profiles:
  base:
    firmware:
      bios: {ProcVirtualization: Enabled, SriovGlobal: Enabled, FanOffset: 20}
      secure_boot: enabled
      volumes:
        - {name: data, level: raid1, disks: {kind: hdd, count: 2}}
";

fn layers() -> Layers {
    Layers::new()
        .with(NetworkLayer)
        .with(FirmwareLayer)
        .with(OsLayer)
        .with(OpsClientsLayer)
        .with(AppsLayer)
        .with(OpsMgmtLayer)
        .with(ClusterLayer)
}

/// Some nodes of one rack, and what is wanted of their firmware.
struct Scene {
    site: Arc<Site>,
    sandbox: Sandbox,
}

impl Scene {
    fn new(nodes: usize, firmware: &str) -> Self {
        let site = site(nodes, firmware);
        Self { sandbox: Sandbox::new(&site, 3), site }
    }

    /// The same machines, of which something else is wanted.
    fn wants(&self, firmware: &str) -> Self {
        Self { site: site(self.site.nodes.len(), firmware), sandbox: self.sandbox.clone() }
    }

    async fn prepare(&self) -> Prepared {
        let prepared = self.try_prepare(&mut Observed::new()).await;
        prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
    }

    async fn try_prepare(&self, seen: &mut Observed) -> Result<Prepared, PlanError> {
        let (layers, providers, clock) = (layers(), self.sandbox.providers(), self.sandbox.clock());
        Planner::new(&layers, &providers).goal(Goal::Ready).clock(&clock).prepare(Arc::clone(&self.site), seen).await
    }

    fn engine(&self) -> Engine {
        Engine::new(layers().operations(), self.sandbox.providers()).clock(Arc::new(self.sandbox.clock()))
    }

    async fn run(&self, guard: Guard) -> Result<Report, EngineError> {
        let plan = self.prepare().await.plan;
        self.engine().guard(guard).run("r1", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await
    }

    /// Whoever has looked at the plan says yes to all that it erases.
    fn consent_to(&self, plan: &Plan) -> Guard {
        let given = self.sandbox.clock().now();
        let mut serials: BTreeMap<NodeName, Vec<String>> = BTreeMap::new();
        for planned in plan.steps().iter().filter(|planned| planned.step.hazard == Hazard::Erases) {
            let node = NodeName::new(planned.step.subject.name()).expect("what is erased is of a node");
            serials.entry(node).or_default().extend(planned.step.erases.iter().map(|serial| serial.to_string()));
        }
        let consents = serials.into_iter().map(|(node, serials)| Consent {
            site: self.site.name.clone(),
            node,
            serials: serials.into_iter().collect(),
            plan: None,
            by: Actor::of_this_process(),
            reason: "the machines are new".to_owned(),
            given,
            expires: given + SignedDuration::from_hours(8),
        });
        Guard { consents: consents.collect(), ..Guard::default() }
    }

    async fn run_with_consent(&self) -> Report {
        let guard = self.consent_to(&*self.prepare().await.plan);
        self.run(guard).await.expect("memory takes every record")
    }

    fn machine(&self, name: &str) -> NodeSnapshot {
        self.sandbox.snapshot().nodes[&node(name)].clone()
    }

    fn count(&self, action: &str) -> u64 {
        self.sandbox.mutations().iter().filter(|(mutation, _)| mutation.action == action).map(|(_, count)| count).sum()
    }
}

fn site(nodes: usize, firmware: &str) -> Arc<Site> {
    let sources = [
        Source::new("site.yaml", Format::Yaml, datacenter(nodes, 1)),
        Source::new("firmware.yaml", Format::Yaml, firmware.to_owned()),
    ];
    match Site::parse(&sources, &layers().settings(), &Lock::default()) {
        Ok(resolved) => Arc::new(resolved.site),
        Err(faults) => panic!("the site file has faults:\n{faults}"),
    }
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

#[track_caller]
fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

fn failures(report: &Report) -> String {
    report.failures().map(|step| format!("{step:?}")).collect::<Vec<_>>().join("\n")
}

/// A plan as people read it, in one line.
fn words(plan: &Plan) -> String {
    render::text(plan).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The boots of a plan: `r1-n1 off→firmware`.
fn boots(plan: &Plan) -> Vec<String> {
    let word = |environment: Option<_>| {
        environment.map_or_else(|| "?".to_owned(), |from: dip_core::step::Environment| from.to_string())
    };
    plan.boots()
        .iter()
        .map(|planned| format!("{} {}→{}", planned.boot.node, word(planned.boot.from), planned.boot.to))
        .collect()
}

#[track_caller]
fn is_as_wanted(machine: &NodeSnapshot) {
    assert_eq!(machine.bios["ProcVirtualization"], BiosValue::Text("Enabled".to_owned()));
    assert_eq!(machine.bios["FanOffset"], BiosValue::Number(20));
    assert!(machine.secure_boot.enforced);
    let volumes: Vec<_> =
        machine.volumes.iter().map(|volume| (volume.name.as_deref(), volume.level, volume.disks.clone())).collect();
    assert_eq!(volumes, [(Some("system"), Some(RaidLevel::Raid1), vec!["1".to_owned(), "3".to_owned()])]);
    assert_eq!((&*machine.firmware["BMC"], &*machine.firmware["BIOS"]), ("1.6.0", "2.10.0"));
    assert!(machine.answers);
}

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
            "+ volume data RAID1 of slots 2, 5, at the next boot",
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

/// A journal whose disk fills up after some records.
#[derive(Debug, Default)]
struct Mortal {
    records: Mutex<Vec<Record>>,
    life: usize,
}

#[async_trait]
impl Journal for Mortal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut records = self.records.lock().expect("nobody panics with the records locked");
        if records.len() >= self.life {
            return Err(JournalError::Broken);
        }
        records.push(record.clone());
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }
}

#[test]
fn whoever_dies_in_the_middle_goes_on_and_flashes_and_makes_nothing_twice() {
    let mut wanted = None;
    // Every twelfth moment will do: a run has some hundreds of records.
    for life in (4..).step_by(12) {
        let scene = Scene::new(1, ALL);
        let is_whole = scene.sandbox.clone().block_on(async {
            let plan = scene.prepare().await.plan;
            let guard = scene.consent_to(&plan);
            let journal = Arc::new(Mortal { life, ..Mortal::default() });
            let engine = scene.engine().guard(guard);
            let first = engine.run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
            if first.is_err() {
                let records = journal.records.lock().expect("nobody panics with the records locked").clone();
                // Another process: it knows nothing of tasks that the first one has started.
                let report = scene.engine().resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await;
                ready(&report.unwrap_or_else(|error| panic!("it does not go on after {life} records: {error}")));
            }
            is_as_wanted(&scene.machine("r1-n1"));
            let done = (scene.count("make volume"), scene.count("flash BIOS"), scene.count("flash BMC"));
            assert_eq!(done, (1, 1, 1), "after {life} records");
            let machine = scene.machine("r1-n1");
            assert_eq!(wanted.get_or_insert_with(|| machine.clone()), &machine);
            first.is_ok()
        });
        if is_whole {
            assert!(life > 60, "the run has {life} records");
            break;
        }
    }
}

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
        let mut guard = scene.consent_to(&*scene.prepare().await.plan);
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
fn an_image_that_the_controller_refuses_is_told_in_its_own_words_and_a_lost_task_is_no_harm() {
    let scene = Scene::new(2, ALL);
    scene.sandbox.inject(Fault::UpdateFails { node: node("r1-n1"), times: 1 });
    scene.sandbox.inject_at(Duration::from_secs(300), Fault::TaskLost { node: node("r1-n2"), times: 1 });
    scene.sandbox.clone().block_on(async {
        let report = scene.run_with_consent().await;
        let told = failures(&report);
        assert!(told.contains("has failed: the signature of the image is wrong"), "{told}");
        is_as_wanted(&scene.machine("r1-n2"));
        assert_eq!(
            scene.sandbox.log().iter().filter(|incident| format!("{incident:?}").contains("forgets")).count(),
            2
        );
        ready(&scene.run_with_consent().await);
        is_as_wanted(&scene.machine("r1-n1"));
    });
}

#[test]
fn settings_that_a_self_test_drops_are_told_and_set_again_by_the_next_run() {
    let scene = Scene::new(1, AT_ONE_BOOT);
    scene.sandbox.inject(Fault::SettingsDropped { node: node("r1-n1"), times: 1 });
    scene.sandbox.clone().block_on(async {
        let told = failures(&scene.run_with_consent().await);
        assert!(
            told.contains("did not come true within") && told.contains("ProcVirtualization Disabled → Enabled"),
            "{told}"
        );
        ready(&scene.run_with_consent().await);
        assert!(scene.machine("r1-n1").secure_boot.enforced);
    });
}

#[test]
fn rounds_end_where_all_is_as_wanted() {
    let scene = Scene::new(2, ALL);
    scene.sandbox.clone().block_on(async {
        let (layers, providers, clock) = (layers(), scene.sandbox.providers(), scene.sandbox.clock());
        let planner = Planner::new(&layers, &providers).goal(Goal::Ready).clock(&clock);
        let stop = Stop::new();
        let mut plans = Vec::new();
        let mut converge = Converge::new(planner, Arc::clone(&scene.site));
        let converged = converge
            .run(&stop, async |round: Round<'_>| {
                plans.push(round.plan.steps().len());
                let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::new(clock.clone()));
                let engine = engine.guard(scene.consent_to(&round.plan));
                let journal = round.journal(Arc::new(MemoryJournal::new()));
                Ok::<_, Failed>(Some(engine.run("r1", round.plan, journal, &stop).await?))
            })
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(converged.end, ConvergeEnd::Ready, "{converged}");
        assert_eq!(plans.len(), 1, "{plans:?}");
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 2);
    });
}

/// Why rounds end early.
#[derive(Debug)]
enum Failed {
    Plan(#[expect(dead_code, reason = "it is told by Debug")] PlanError),
    Engine(#[expect(dead_code, reason = "it is told by Debug")] EngineError),
}

impl From<PlanError> for Failed {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
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
