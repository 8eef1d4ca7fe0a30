//! The site that the benches plan: W(n), n nodes of so many chained steps, each node's last step after its neighbour's first,
//! so that the graph is one piece and all nodes can be worked on at once.
#![allow(dead_code, reason = "each bench uses its part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use dip::core::fact::{Fact, FactKey, FactRegistry, Facts};
use dip::core::id::{LayerId, NodeName, SiteName, Symbol};
use dip::core::layer::{ConnectError, Layer, Note};
use dip::core::observed::{Observed, Survey};
use dip::core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip::core::plan::Draft;
use dip::core::provider::Providers;
use dip::core::secret::Secrets;
use dip::core::site::{SettingsSchema, Site};
use dip::core::step::{Boot, Environment, Step};
use dip::core::subject::Subject;
use dip::{Goal, Layers, Plan};
use serde::{Deserialize, Serialize};

const DONE: Fact<bool> = Fact::new("bench.done");

/// The `index`-th piece of work on a node.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    node: NodeName,
    index: u16,
}

/// What was done, by node and piece of work. Where a program has no board, all work is done already.
#[derive(Debug)]
pub(crate) struct Board {
    done: Vec<AtomicBool>,
    steps: usize,
}

impl Board {
    fn of(&self, work: &Work) -> &AtomicBool {
        let node: usize = work.node.as_str()[1..].parse().expect("nodes are numbered");
        &self.done[node * self.steps + usize::from(work.index)]
    }

    /// Providers with a board on which nothing is done.
    pub(crate) fn providers(nodes: usize, steps: u16) -> Providers {
        let steps = usize::from(steps);
        let board = Self { done: (0..nodes * steps).map(|_| AtomicBool::new(false)).collect(), steps };
        let mut providers = Providers::new();
        providers.insert(&board_subject(), Arc::new(board));
        providers
    }
}

fn board_subject() -> Subject {
    Subject::new(Symbol::of("board"), "bench")
}

#[async_trait]
impl Operation for Work {
    const NAME: &'static str = "bench.work";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        if cx.provider::<Board>(&board_subject()).is_ok_and(|board| !board.of(self).load(Ordering::Relaxed)) {
            return Ok(Check::Differs(Diff::missing("work", self.index)));
        }
        Ok(Check::Holds(Facts::new().with_key(done(&self.node, self.index), &true)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<Board>(&board_subject())?.of(self).store(true, Ordering::Relaxed);
        Ok(Applied::Done)
    }
}

fn told(node: &Subject, index: u16) -> FactKey {
    DONE.of_boot(node, index)
}

/// What the `index`-th piece of work on a node gives.
pub(crate) fn done(node: &NodeName, index: u16) -> FactKey {
    told(&Subject::node(node), index)
}

/// The `index`-th piece of work on a node, done wherever.
pub(crate) fn work(node: &NodeName, index: u16) -> Step {
    worked(node, &Subject::node(node), index)
}

fn worked(node: &NodeName, subject: &Subject, index: u16) -> Step {
    let work = Work { node: node.clone(), index };
    Step::new(LayerId::Os, subject.clone(), &work).called(&index.to_string()).give(told(subject, index))
}

/// What is proposed for these nodes.
pub(crate) type Proposal = fn(&[NodeName]) -> Vec<Step>;

/// How many steps each node has in most benches.
pub(crate) const STEPS: u16 = 20;

type Propose = Box<dyn Fn(&[NodeName]) -> Vec<Step> + Send + Sync>;

/// A layer that proposes the work of so many nodes.
struct Rack {
    nodes: Vec<NodeName>,
    /// The numbers of the parts of boots begin behind those of the work.
    steps: u16,
    propose: Propose,
}

impl std::fmt::Debug for Rack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rack({} nodes of {} steps)", self.nodes.len(), self.steps)
    }
}

/// Where the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// Anywhere: there are no boots.
    Anywhere,
    /// On the installed system, into which each node is booted first.
    Installed,
}

impl Layer for Rack {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&DONE, "A piece of work is done.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Work>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        Ok((self.propose)(&self.nodes))
    }

    fn enter(&self, _: &Site, boot: &Boot) -> Vec<Step> {
        let work = Work { node: boot.node.clone(), index: self.steps + boot.ordinal };
        let step = Step::new(LayerId::Os, Subject::node(&boot.node), &work).give(done(&boot.node, work.index));
        vec![step.part_of(boot)]
    }
}

/// The steps of W(n), all in the installed system.
pub(crate) fn chained(nodes: &[NodeName]) -> Vec<Step> {
    chain(nodes, STEPS, Where::Installed)
}

fn chain(nodes: &[NodeName], steps: u16, place: Where) -> Vec<Step> {
    let subjects: Vec<Subject> = nodes.iter().map(Subject::node).collect();
    let mut chain = Vec::with_capacity(nodes.len() * usize::from(steps));
    for (position, (node, subject)) in nodes.iter().zip(&subjects).enumerate() {
        for index in 0..steps {
            let mut step = worked(node, subject, index);
            if let Some(before) = index.checked_sub(1) {
                step = step.need_facts([told(subject, before)]);
            }
            if let (Some(neighbour), true) = (position.checked_sub(1), index + 1 == steps) {
                step = step.need_facts([told(&subjects[neighbour], 0)]);
            }
            if place == Where::Installed {
                step = step.in_environment(node, Environment::Installed);
            }
            chain.push(step);
        }
    }
    chain
}

/// The layers and the site of W(n) with so many steps a node.
pub(crate) fn rack(nodes: usize, steps: u16, place: Where) -> (Layers, Arc<Site>) {
    site(nodes, steps, Box::new(move |nodes| chain(nodes, steps, place)))
}

/// The layers and the site of so many nodes for which this is proposed.
pub(crate) fn proposing(nodes: usize, propose: Proposal) -> (Layers, Arc<Site>) {
    site(nodes, STEPS, Box::new(propose))
}

fn site(nodes: usize, steps: u16, propose: Propose) -> (Layers, Arc<Site>) {
    let name = |index| NodeName::new(&format!("n{index}")).expect("a name");
    let layers = Layers::new().with(Rack { nodes: (0..nodes).map(name).collect(), steps, propose });
    (layers, Arc::new(Site::new(SiteName::new("bench").expect("a name"))))
}

/// A plan of all its work, where nobody has looked yet.
pub(crate) fn plan(layers: &Layers, site: &Arc<Site>) -> Arc<Plan> {
    let draft = Draft::new(Arc::clone(site), &Observed::new(), layers, Goal::Everything).expect("a draft");
    let survey = Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"));
    Arc::new(Plan::new(&draft, &survey, layers).expect("a plan"))
}
