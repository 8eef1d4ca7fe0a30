//! A toy layer: its steps set things in a world, and the world can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::engine::{Clock, Planner, Prepared, TokioClock};
use dip_core::fact::os::DISK_SERIALS;
use dip_core::fact::{Fact, FactKey, FactRegistry, Facts};
use dip_core::guard::Guard;
use dip_core::id::{LayerId, NodeName, SiteName, Symbol};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip_core::plan::PlanError;
use dip_core::provider::{ErrorKind, ProviderError, Providers};
use dip_core::secret::Secrets;
use dip_core::site::{Limit, SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

/// The thing is set.
pub(crate) const SET: Fact<bool> = Fact::new("toy.set");

/// The node is in the environment.
pub(crate) const IN: Fact<Environment> = Fact::new("toy.in");

pub(crate) fn thing(name: &str) -> Subject {
    Subject::new(Symbol::of("thing"), name)
}

pub(crate) fn is_set(name: &str) -> FactKey {
    SET.of(&thing(name))
}

pub(crate) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

/// A step that sets a thing and needs others.
pub(crate) fn set(name: &str, needs: &[&str]) -> Step {
    let operation = Set { name: name.to_owned(), also: None };
    Step::new(LayerId::Os, thing(name), &operation).need_facts(needs.iter().map(|need| is_set(need))).give(is_set(name))
}

/// A step that sets a thing and by that another one, and needs nothing yet.
pub(crate) fn set_two(name: &str, also: &str) -> Step {
    let operation = Set { name: name.to_owned(), also: Some(also.to_owned()) };
    Step::new(LayerId::Os, thing(name), &operation).give(is_set(name)).give(is_set(also))
}

/// A step that wipes the disks with these serial numbers in a node, and by that sets a thing.
pub(crate) fn wipe(name: &str, node: &str, serials: &[&str]) -> Step {
    let operation = Set { name: name.to_owned(), also: None };
    let subject = Subject::node(&self::node(node));
    Step::new(LayerId::Os, subject, &operation).called(name).give(is_set(name)).erasing(serials)
}

/// A step that looks at the disks of a node.
pub(crate) fn see_disks(node: &str) -> Step {
    let operation = SeeDisks { node: self::node(node) };
    let subject = Subject::node(&operation.node);
    Step::new(LayerId::Os, subject.clone(), &operation).give(DISK_SERIALS.of(&subject))
}

/// A limit of two units.
pub(crate) fn two_of(lock: &Lock) -> Limit {
    Limit { lock: lock.name().clone(), capacity: 2, reason: "it bears two".to_owned(), origin: None }
}

/// What a world holds, and how it misbehaves.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) things: BTreeSet<String>,
    /// How often each thing was applied, in the order of the first time.
    pub(crate) applied: Vec<String>,
    /// How many further applies of a thing fail, and with which kind.
    pub(crate) fails: BTreeMap<String, (usize, ErrorKind)>,
    /// How many further applies of a thing are accepted and lost.
    pub(crate) loses: BTreeMap<String, usize>,
    /// How long an apply takes.
    pub(crate) takes: Duration,
    /// How long it takes until a thing that was applied is there; the apply does not wait for it.
    pub(crate) slow: BTreeMap<String, Duration>,
    /// The pause between two looks at a slow thing; a second where none is set.
    pub(crate) poll: Option<Duration>,
    /// When a slow thing will be there.
    pub(crate) coming: BTreeMap<String, tokio::time::Instant>,
    /// How many further looks at a thing get no answer once it was applied.
    pub(crate) silent: BTreeMap<String, usize>,
    /// The things whose apply panics.
    pub(crate) panics: BTreeSet<String>,
    /// The things whose check panics.
    pub(crate) check_panics: BTreeSet<String>,
    /// The things that were looked at, in order.
    pub(crate) looked: Vec<String>,
    pub(crate) nodes: BTreeMap<NodeName, Environment>,
    /// The boots that were made, by their numbers.
    pub(crate) fresh: BTreeSet<(NodeName, u16)>,
    /// The serial numbers of the disks that are seen in each node.
    pub(crate) disks: BTreeMap<NodeName, BTreeSet<String>>,
    /// The disks of nodes that nobody has looked at yet.
    pub(crate) hidden: BTreeMap<NodeName, BTreeSet<String>>,
    /// The things that something else takes away again once the thing that is named with them is set.
    pub(crate) flaps: BTreeMap<String, String>,
    pub(crate) running: usize,
    pub(crate) most_running: usize,
}

/// The door to a world.
pub(crate) trait Door: Send + Sync {
    fn world(&self) -> &Mutex<World>;
}

impl Door for Mutex<World> {
    fn world(&self) -> &Mutex<World> {
        self
    }
}

pub(crate) fn world(cx: &Context<'_>) -> Result<Arc<dyn Door>, OperationError> {
    cx.provider::<dyn Door>(&thing("world"))
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Set {
    name: String,
    /// Another thing that is set by it.
    also: Option<String>,
}

#[async_trait]
impl Operation for Set {
    const NAME: &'static str = "toy.set";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let door = world(cx)?;
        let mut world = door.world().lock().expect("no test panics with the world locked");
        world.looked.push(self.name.clone());
        if world.check_panics.contains(&self.name) {
            drop(world);
            panic!("the check of {} has a bug", self.name);
        }
        if world.coming.get(&self.name).is_some_and(|at| *at <= tokio::time::Instant::now()) {
            world.things.insert(self.name.clone());
        }
        if world.applied.contains(&self.name)
            && let Some(times) = world.silent.get_mut(&self.name).filter(|times| **times > 0)
        {
            *times -= 1;
            return Err(ProviderError::new(ErrorKind::Unreachable, "toy", format!("look at {}", self.name)).into());
        }
        Ok(if world.things.contains(&self.name) {
            let facts = Facts::new().with(&SET, &thing(&self.name), &true);
            Check::Holds(match &self.also {
                Some(also) => facts.with(&SET, &thing(also), &true),
                None => facts,
            })
        } else {
            Check::Differs(Diff::missing("thing", &self.name))
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let door = world(cx)?;
        let takes = {
            let mut world = door.world().lock().expect("no test panics with the world locked");
            world.applied.push(self.name.clone());
            if world.panics.contains(&self.name) {
                drop(world);
                panic!("the apply of {} has a bug", self.name);
            }
            world.running += 1;
            world.most_running = world.most_running.max(world.running);
            world.takes
        };
        let running = Running(&*door);
        tokio::time::sleep(takes).await;
        drop(running);
        let mut world = door.world().lock().expect("no test panics with the world locked");
        if let Some((times, kind)) = world.fails.get_mut(&self.name).filter(|(times, _)| *times > 0) {
            *times -= 1;
            return Err(ProviderError::new(*kind, "toy", format!("set {}", self.name)).into());
        }
        if let Some(times) = world.loses.get_mut(&self.name).filter(|times| **times > 0) {
            *times -= 1;
            return Ok(Applied::Done);
        }
        if let Some(slow) = world.slow.get(&self.name).copied() {
            world.coming.insert(self.name.clone(), tokio::time::Instant::now() + slow);
            return Ok(Applied::wait("the thing to be there", world.poll.unwrap_or(Duration::from_secs(1))));
        }
        world.things.insert(self.name.clone());
        if let Some(gone) = world.flaps.get(&self.name).cloned() {
            world.things.remove(&gone);
        }
        Ok(Applied::Done)
    }
}

/// Counts an apply that goes on, also where it is abandoned.
struct Running<'a>(&'a dyn Door);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.world().lock().expect("no test panics with the world locked").running -= 1;
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Enter {
    node: NodeName,
    to: Environment,
    ordinal: u16,
    /// For a fresh boot: that the node is there already is not enough.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    afresh: bool,
}

impl Enter {
    pub(crate) fn into(boot: &Boot) -> Self {
        Self { node: boot.node.clone(), to: boot.to, ordinal: boot.ordinal, afresh: boot.from == Some(boot.to) }
    }
}

#[async_trait]
impl Operation for Enter {
    const NAME: &'static str = "toy.enter";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let door = world(cx)?;
        let world = door.world().lock().expect("no test panics with the world locked");
        let now = world.nodes.get(&self.node).copied().unwrap_or(Environment::Off);
        let facts = Facts::new().with_key(IN.of_boot(&Subject::node(&self.node), self.ordinal), &self.to);
        let has_booted = !self.afresh || world.fresh.contains(&(self.node.clone(), self.ordinal));
        Ok(if now == self.to && has_booted {
            Check::Holds(facts)
        } else {
            Check::Differs(Diff::of("environment", Some(now), Some(self.to)))
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let door = world(cx)?;
        let mut world = door.world().lock().expect("no test panics with the world locked");
        world.applied.push(format!("{} {}", self.node, self.to));
        world.nodes.insert(self.node.clone(), self.to);
        world.fresh.insert((self.node.clone(), self.ordinal));
        Ok(Applied::wait("the node to get there", Duration::from_secs(5)))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SeeDisks {
    node: NodeName,
}

#[async_trait]
impl Operation for SeeDisks {
    const NAME: &'static str = "toy.see_disks";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let door = world(cx)?;
        let world = door.world().lock().expect("no test panics with the world locked");
        Ok(match world.disks.get(&self.node) {
            Some(disks) => Check::Holds(Facts::new().with(&DISK_SERIALS, &Subject::node(&self.node), disks)),
            None => Check::Differs(Diff::missing("sight of", "the disks")),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let door = world(cx)?;
        let mut world = door.world().lock().expect("no test panics with the world locked");
        let seen = world.hidden.remove(&self.node).unwrap_or_default();
        world.disks.insert(self.node.clone(), seen);
        Ok(Applied::Done)
    }
}

/// A layer that proposes the steps that it was given.
#[derive(Debug)]
pub(crate) struct Toy(pub(crate) Vec<Step>);

impl Layer for Toy {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&SET, "The thing is set.");
        known.declare(&IN, "The node is in the environment.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Set>();
        known.register::<Enter>();
        known.register::<SeeDisks>();
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

    fn enter(&self, _: &Site, boot: &Boot) -> Vec<Step> {
        let enter = Enter::into(boot);
        let subject = Subject::node(&boot.node);
        vec![Step::new(LayerId::Os, subject.clone(), &enter).give(IN.of_boot(&subject, boot.ordinal)).part_of(boot)]
    }
}

/// Runs something on a clock of its own.
pub(crate) fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// A world with a layer over it.
pub(crate) struct Stage {
    pub(crate) site: Arc<Site>,
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) layers: Layers,
    pub(crate) providers: Providers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guard: Guard,
}

impl Stage {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let mut providers = Providers::new();
        providers.insert::<dyn Door>(&thing("world"), Arc::clone(&world) as Arc<dyn Door>);
        let clock = Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().expect("a time")));
        let site = Arc::new(Site::new(SiteName::new("toy").expect("a name")));
        Self { site, world, layers: Layers::new().with(Toy(steps)), providers, clock, guard: Guard::default() }
    }

    /// The same with a site of its own.
    pub(crate) fn at(mut self, site: Site) -> Self {
        self.site = Arc::new(site);
        self
    }

    pub(crate) async fn prepare(&self) -> Result<Prepared, PlanError> {
        Planner::new(&self.layers, &self.providers)
            .clock(&*self.clock)
            .prepare(Arc::clone(&self.site), &mut Observed::new())
            .await
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().expect("no test panics with the world locked"))
    }
}
