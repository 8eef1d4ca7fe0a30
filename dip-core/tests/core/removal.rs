//! Removal: what absent nodes leave behind goes in reverse order, what is another's stays, and a dead machine holds up nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::engine::{Engine, Planner, Prepared, Stop};
use dip_core::fact::{FactRegistry, Facts};
use dip_core::guard::Guard;
use dip_core::id::{LayerId, SiteName};
use dip_core::journal::MemoryJournal;
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip_core::plan::{Plan, Vertex};
use dip_core::provider::Providers;
use dip_core::report::Outcome;
use dip_core::secret::Secrets;
use dip_core::site::{Ceilings, Node, NodeSettings, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Hazard, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::toy::{Enter, IN, Set, Stage, World, is_set, node, set, thing, world};

/// Takes a thing away.
#[derive(Debug, Serialize, Deserialize)]
struct Unset {
    name: String,
}

#[async_trait]
impl Operation for Unset {
    const NAME: &'static str = "toy.unset";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let door = world(cx)?;
        let world = door.world().lock().expect("no test panics with the world locked");
        Ok(match world.things.contains(&self.name) {
            true => Check::Differs(Diff::of("thing", Some(&self.name), None::<&str>)),
            false => Check::Holds(Facts::new()),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let door = world(cx)?;
        let mut world = door.world().lock().expect("no test panics with the world locked");
        world.applied.push(format!("-{}", self.name));
        world.things.remove(&self.name);
        Ok(Applied::Done)
    }
}

/// Leaves a node without power.
#[derive(Debug, Serialize, Deserialize)]
struct Darken {
    node: String,
}

#[async_trait]
impl Operation for Darken {
    const NAME: &'static str = "toy.darken";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let door = world(cx)?;
        let world = door.world().lock().expect("no test panics with the world locked");
        let now = world.nodes.get(&node(&self.node)).copied().unwrap_or(Environment::Off);
        Ok(match now {
            Environment::Off => Check::Holds(Facts::new()),
            now => Check::Differs(Diff::of("environment", Some(now), Some(Environment::Off))),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let door = world(cx)?;
        let mut world = door.world().lock().expect("no test panics with the world locked");
        world.applied.push(format!("{} off", self.node));
        world.nodes.insert(node(&self.node), Environment::Off);
        Ok(Applied::Done)
    }
}

/// For each node a port, an address that needs it, a file on the node, and a name that needs the file.
#[derive(Debug)]
struct Rack;

impl Layer for Rack {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, known: &mut Operations) {
        known.register::<Set>();
        known.register::<Enter>();
        known.register::<Unset>();
        known.register::<Darken>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let of = |node: &Node| {
            let name = &node.name;
            // Where the site says so, two nodes have had one port.
            let port = node.serial.clone().unwrap_or_else(|| format!("port-{name}"));
            vec![
                set(&port, &[]),
                set(&format!("address-{name}"), &[&port]),
                set(&format!("file-{name}"), &[]).in_environment(name, Environment::Installed),
                set(&format!("name-{name}"), &[&format!("file-{name}")]),
            ]
        };
        Ok(site.ready_nodes().flat_map(of).collect())
    }

    fn remove(&self, _: &Site, step: &Step) -> Option<Step> {
        let name = step.subject.name().to_owned();
        if let Some(boot) = &step.boot {
            let darken = Darken { node: boot.node.to_string() };
            return Some(Step::new(LayerId::Os, step.subject.clone(), &darken));
        }
        let unset = Step::new(LayerId::Os, thing(&name), &Unset { name: name.clone() });
        Some(match name.strip_prefix("file-") {
            Some(owner) => unset.in_environment(&node(owner), Environment::Installed).hazard(Hazard::Disrupts),
            None => unset,
        })
    }

    fn enter(&self, site: &Site, boot: &Boot) -> Vec<Step> {
        let enter = Enter::into(boot);
        let subject = Subject::node(&boot.node);
        let step =
            Step::new(LayerId::Os, subject.clone(), &enter).give(IN.of_boot(&subject, boot.ordinal)).part_of(boot);
        assert!(site.nodes[&boot.node].state == NodeState::Ready, "a boot is asked for where the node is wanted");
        vec![step.need(Need::IfGiven(is_set(&format!("address-{}", boot.node))))]
    }
}

fn member(name: &str, state: NodeState, port: Option<&str>) -> Node {
    Node {
        name: node(name),
        state,
        rack: None,
        profiles: Vec::new(),
        serial: port.map(str::to_owned),
        bmc: None,
        nics: BTreeMap::new(),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings::default(),
        origin: None,
    }
}

/// A site of these nodes on a stage where all that they had is there, and every node runs.
struct Scene {
    stage: Stage,
    site: Arc<Site>,
}

impl Scene {
    fn new(nodes: Vec<Node>) -> Self {
        let stage = Stage::new(Vec::new());
        let mut site = Site::new(SiteName::new("toy").expect("a name"));
        for node in nodes {
            stage.change(|world: &mut World| {
                let things = ["port", "address", "file", "name"].map(|kind| format!("{kind}-{}", node.name));
                world.things.extend(things);
                world.things.extend(node.serial.clone());
                world.nodes.insert(node.name.clone(), Environment::Installed);
            });
            site.nodes.insert(node.name.clone(), node);
        }
        Self { stage, site: Arc::new(site) }
    }

    async fn prepare(&self) -> Prepared {
        let layers = Layers::new().with(Rack);
        let (site, providers) = (Arc::clone(&self.site), &self.stage.providers);
        let prepared =
            Planner::new(&layers, providers).clock(&*self.stage.clock).prepare(site, &mut Observed::new()).await;
        prepared.expect("there is a plan")
    }

    async fn run(&self) -> Vec<String> {
        let plan = self.prepare().await.plan;
        let engine = Engine::new(Layers::new().with(Rack).operations(), self.stage.providers.clone());
        // Things are counted one by one here, and not by their node.
        let ceilings = Ceilings { removals: Some(10), ..Ceilings::default() };
        let engine = engine.clock(Arc::clone(&self.stage.clock)).guard(Guard { ceilings, ..Guard::default() });
        let report = engine.run("test", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("it runs");
        assert_eq!(report.outcome, Outcome::Ready, "{report}");
        self.stage.change(|world| std::mem::take(&mut world.applied))
    }
}

/// The steps in an order that the plan's graph allows.
fn order(plan: &Plan) -> Vec<String> {
    let steps =
        plan.graph().topological().into_iter().filter_map(|vertex| match plan.graph().vertices()[vertex.index()] {
            Vertex::Step(step) => Some(plan.step(step).step.name.to_string()),
            _ => None,
        });
    steps.collect()
}

#[tokio::test(start_paused = true)]
async fn an_absent_node_is_taken_away_the_other_way_round() {
    let scene = Scene::new(vec![member("n1", NodeState::Ready, None), member("n2", NodeState::Absent, None)]);
    let seen = scene.prepare().await;
    let expected = [
        "toy.unset thing/name-n2",
        "toy.unset thing/file-n2",
        "toy.darken node/n2",
        "toy.unset thing/address-n2",
        "toy.unset thing/port-n2",
    ];
    assert_eq!(order(&seen.plan), expected);
    assert!(seen.plan.boots().is_empty(), "nobody boots a node that should be gone");
    assert!(seen.plan.steps().iter().all(|planned| planned.step.is_removal()));
    assert_eq!(scene.run().await, ["-name-n2", "-file-n2", "n2 off", "-address-n2", "-port-n2"]);
}

#[tokio::test(start_paused = true)]
async fn already_off_is_not_an_error_and_twice_is_once() {
    let scene = Scene::new(vec![member("n1", NodeState::Ready, None), member("n2", NodeState::Absent, None)]);
    scene.run().await;
    let again = scene.prepare().await;
    assert_eq!(order(&again.plan), Vec::<String>::new());
    assert!(again.drift().is_none(), "{:?}", again.drift());
    assert_eq!(scene.run().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_another_node_uses_now_is_left_to_it() {
    let (former, next) =
        (member("n1", NodeState::Absent, Some("port-7")), member("n2", NodeState::Ready, Some("port-7")));
    let scene = Scene::new(vec![former, next]);
    let names = order(&scene.prepare().await.plan);
    assert!(names.contains(&"toy.unset thing/address-n1".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("port-7")), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_machine_holds_up_nothing_and_what_is_left_on_it_is_told() {
    let scene = Scene::new(vec![member("n2", NodeState::Absent, None)]);
    scene.stage.change(|world| world.nodes.insert(node("n2"), Environment::Off));
    let seen = scene.prepare().await;
    let left: Vec<_> = seen.left_out().map(|(step, gap)| format!("{}: {gap}", step.name)).collect();
    assert_eq!(left, ["toy.unset thing/file-n2: unknown until n2 runs its installed system"]);
    assert_eq!(scene.run().await, ["-name-n2", "-address-n2", "-port-n2"]);
    assert!(scene.prepare().await.drift().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_vanished_from_the_file_is_left_alone() {
    let mut scene = Scene::new(vec![member("n1", NodeState::Ready, None), member("n2", NodeState::Ready, None)]);
    Arc::make_mut(&mut scene.site).nodes.remove(&node("n2"));
    assert!(scene.prepare().await.plan.is_empty());
}
