//! Boots of simulated machines: what a node runs is what the plan booted, however often the one who carries it out dies.

#[path = "shared/mortal_journal.rs"]
mod mortal_journal;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dip_core::engine::{Engine, Planner, Prepared, Stop};
use dip_core::fact::{Fact, FactRegistry, Facts};
use dip_core::hardware::PowerState;
use dip_core::id::{LayerId, NodeName, Symbol};
use dip_core::journal::{Journal, MemoryJournal};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip_core::plan::PlanError;
use dip_core::provider::Providers;
use dip_core::report::Outcome;
use dip_core::secret::Secrets;
use dip_core::site::{Format, Lock, SettingsSchema, Site, Source};
use dip_core::step::{Boot, Environment, Hazard, Step};
use dip_core::subject::Subject;
use dip_firmware::FirmwareLayer;
use dip_network::NetworkLayer;
use dip_os::OsLayer;
use dip_sandbox::{Sandbox, datacenter};
use mortal_journal::Mortal;
use serde::{Deserialize, Serialize};

const DONE: Fact<bool> = Fact::new("chore.done");

/// What was done on a machine, and what the machine was at that moment: power, whether its installed system answers, boots.
type Moment = (String, PowerState, bool, u64);

/// A machine and the chores that were done on it.
struct Chores {
    sandbox: Sandbox,
    done: Mutex<Vec<Moment>>,
}

fn book() -> Subject {
    Subject::new(Symbol::of("book"), "chores")
}

/// Something to be done on the node; it stays done.
#[derive(Debug, Serialize, Deserialize)]
struct Chore {
    name: String,
}

impl Chore {
    fn subject(&self) -> Subject {
        Subject::new(Symbol::of("chore"), self.name.as_str())
    }

    fn step(name: &str) -> Step {
        let chore = Self { name: name.to_owned() };
        Step::new(LayerId::Os, chore.subject(), &chore).give(DONE.of(&chore.subject()))
    }
}

fn done(name: &str) -> dip_core::fact::FactKey {
    DONE.of(&Subject::new(Symbol::of("chore"), name))
}

#[async_trait]
impl Operation for Chore {
    const NAME: &'static str = "chore.do";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let chores = cx.provider::<Chores>(&book())?;
        let is_done = chores.done.lock().expect("no test panics with it").iter().any(|(name, ..)| *name == self.name);
        Ok(if is_done {
            Check::Holds(Facts::new().with(&DONE, &self.subject(), &true))
        } else {
            Check::Differs(Diff::missing("chore", &self.name))
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let chores = cx.provider::<Chores>(&book())?;
        let node = &chores.sandbox.snapshot().nodes[&node()];
        let moment = (self.name.clone(), node.power, node.answers, chores.sandbox.boots(&self::node()));
        chores.done.lock().expect("no test panics with it").push(moment);
        Ok(Applied::Done)
    }
}

#[derive(Debug)]
struct ChoreLayer(Vec<Step>);

impl Layer for ChoreLayer {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&DONE, "The chore is done.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Chore>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        Ok(self.0.clone())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

fn node() -> NodeName {
    NodeName::new("r1-n1").expect("a name")
}

/// A datacenter of one node, and the layers that bring its system up.
struct Scene {
    site: Arc<Site>,
    sandbox: Sandbox,
    chores: Arc<Chores>,
}

impl Scene {
    fn new() -> Self {
        Self::of(datacenter(1, 1))
    }

    fn of(text: String) -> Self {
        let all = Layers::new()
            .with(NetworkLayer)
            .with(FirmwareLayer)
            .with(OsLayer)
            .with(dip_opsclients::OpsClientsLayer)
            .with(dip_apps::AppsLayer)
            .with(dip_opsmgmt::OpsMgmtLayer);
        let source = Source::new("site.yaml", Format::Yaml, text);
        let resolved = Site::parse(&[source], &all.settings(), &Lock::default());
        let site = resolved.unwrap_or_else(|faults| panic!("the generated site file has faults:\n{faults}")).site;
        let sandbox = Sandbox::new(&site, 1);
        let chores = Arc::new(Chores { sandbox: sandbox.clone(), done: Mutex::default() });
        Self { site: Arc::new(site), sandbox, chores }
    }

    fn layers(steps: &[Step]) -> Layers {
        Layers::new().with(NetworkLayer).with(FirmwareLayer).with(OsLayer).with(ChoreLayer(steps.to_vec()))
    }

    fn providers(&self) -> Providers {
        let mut providers = self.sandbox.providers();
        providers.insert::<Chores>(&book(), Arc::clone(&self.chores));
        providers
    }

    fn engine(&self) -> Engine {
        Engine::new(Self::layers(&[]).operations(), self.providers()).clock(Arc::new(self.sandbox.clock()))
    }

    async fn prepare(&self, steps: &[Step]) -> Prepared {
        self.try_to_prepare(steps).await.unwrap_or_else(|error| panic!("there is no plan: {error}"))
    }

    async fn try_to_prepare(&self, steps: &[Step]) -> Result<Prepared, PlanError> {
        let (providers, clock) = (self.providers(), self.sandbox.clock());
        let site = Arc::clone(&self.site);
        Planner::new(&Self::layers(steps), &providers).clock(&clock).prepare(site, &mut Observed::new()).await
    }

    async fn apply(&self, steps: &[Step]) {
        let plan = self.prepare(steps).await.plan;
        let report = self.engine().run("r1", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await;
        let report = report.expect("memory takes every record");
        assert_eq!(report.outcome, Outcome::Ready, "{report}");
    }

    fn done(&self) -> Vec<Moment> {
        self.chores.done.lock().expect("no test panics with it").clone()
    }

    fn boots(&self) -> u64 {
        self.sandbox.boots(&node())
    }
}

fn chore(name: &str, environment: Environment) -> Step {
    Chore::step(name).in_environment(&node(), environment)
}

#[test]
fn a_node_is_discovered_and_what_holds_of_its_first_boot_is_not_done_again() {
    let scene = Scene::new();
    let steps =
        [chore("disks", Environment::Discovery), chore("login", Environment::Installed).need_facts([done("disks")])];
    scene.sandbox.clone().block_on(async {
        let plan = scene.prepare(&steps).await.plan;
        let named: Vec<&str> = plan.steps().iter().map(|planned| planned.step.name.as_str()).collect();
        let parts: Vec<&&str> = named.iter().filter(|name| name.contains('#')).collect();
        assert_eq!(
            parts,
            [
                // It has no power, so that nothing is to be switched off before its first boot.
                &"firmware.set_boot_device node/r1-n1#1",
                &"firmware.power_on node/r1-n1#1",
                &"firmware.power_off node/r1-n1#2",
                &"firmware.set_boot_device node/r1-n1#2",
                &"firmware.power_on node/r1-n1#2",
                &"os.await_answer node/r1-n1#2",
            ]
        );
        scene.apply(&steps).await;
        assert_eq!(
            scene.done(),
            [("disks".to_owned(), PowerState::On, false, 1), ("login".to_owned(), PowerState::On, true, 2),]
        );
    });
}

#[test]
fn two_pending_settings_of_a_running_node_cost_one_reboot_and_then_none() {
    let scene = Scene::new();
    let works =
        |name: &str| Chore::step(&format!("{name}-works")).after_boot(&node(), Environment::Installed, done(name));
    let steps = [Chore::step("turbo"), Chore::step("sriov"), works("turbo"), works("sriov")];
    scene.sandbox.clone().block_on(async {
        scene.apply(&[]).await;
        assert_eq!(scene.boots(), 1);
        scene.apply(&steps).await;
        assert_eq!(scene.boots(), 2);
        let finished: Vec<(String, bool, u64)> =
            scene.done().into_iter().map(|(name, _, answers, boots)| (name, answers, boots)).collect();
        let at = |name: &str, boots| (name.to_owned(), true, boots);
        assert_eq!(
            finished.into_iter().collect::<BTreeSet<_>>(),
            [at("turbo", 1), at("sriov", 1), at("turbo-works", 2), at("sriov-works", 2)].into()
        );
        let again = scene.prepare(&steps).await;
        assert!(again.plan.is_empty(), "{:?}", again.plan.steps());
        assert!(again.drift().is_none());
    });
}

#[test]
fn whoever_dies_in_the_middle_of_a_boot_leaves_a_node_that_is_not_switched_off_twice() {
    // The work after each boot disrupts, so that whoever resumes looks again at what it rests on.
    let steps = [
        chore("look", Environment::Discovery).hazard(Hazard::Disrupts),
        chore("look-twice", Environment::Discovery).hazard(Hazard::Disrupts).need_facts([done("look")]),
        chore("login", Environment::Installed).hazard(Hazard::Disrupts).need_facts([done("look-twice")]),
    ];
    let mut life = 1;
    loop {
        let scene = Scene::new();
        let is_whole = scene.sandbox.clone().block_on(async {
            scene.apply(&[]).await;
            let plan = scene.prepare(&steps).await.plan;
            let journal = Arc::new(Mortal { life, ..Mortal::default() });
            let first = scene.engine().run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
            if first.is_err() {
                let records = journal.records.lock().expect("nobody panics with the records locked").clone();
                let rest = Arc::new(MemoryJournal::new());
                let report = scene.engine().resume(&records, rest, &Stop::new()).await.expect("it goes on");
                assert_eq!(report.outcome, Outcome::Ready, "after {life} records: {report}");
            }
            let done = scene.done();
            let at = |name: &str, answers, boots| (name.to_owned(), PowerState::On, answers, boots);
            let wanted = [at("look", false, 2), at("look-twice", false, 2), at("login", true, 3)];
            assert_eq!(done, wanted, "after {life} records");
            assert_eq!(scene.boots(), 3, "after {life} records");
            first.is_ok()
        });
        if is_whole {
            break;
        }
        life += 1;
    }
    assert!(life > 30, "the run has {life} records");
}

#[test]
fn a_node_without_a_bmc_is_waited_for_where_the_plan_may_reach_it_and_told_where_nothing_would_boot_it() {
    let text = datacenter(1, 1);
    let text: String = text
        .lines()
        .filter(|line| !["bmc:", "outlets:"].iter().any(|key| line.trim_start().starts_with(key)))
        .fold(String::new(), |all, line| all + line + "\n");
    let scene = Scene::of(text);
    scene.sandbox.clone().block_on(async {
        // It runs, and its port is in the wrong VLAN: what the plan does there is what it answers after.
        scene.sandbox.by_hand().power_on(&node());
        let plan = scene.prepare(&[]).await.plan;
        let waits = plan.why("os.await_answer node/r1-n1#1").expect("it is planned").remove(0);
        assert!(waits.after.iter().any(|after| after.starts_with("`network.set_port port/sw1/p1`")), "{waits}");
        scene.apply(&[]).await;
        assert!(scene.prepare(&[]).await.plan.steps().is_empty(), "a node that answers needs nobody to boot it");
        scene.sandbox.by_hand().power_off(&node());
        let error = scene.try_to_prepare(&[]).await.expect_err("nobody would switch it on");
        let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines[0],
            "r1-n1 does not answer, and nothing at this site can boot it so that it runs its installed system"
        );
        assert!(lines[1].contains("`os.set_host_name node/r1-n1` and 4 more are to be done there"), "{error}");
    });
}
