//! The sites that the benches plan: n nodes of 20 steps each. The usual one is W(n), whose steps are chained, each node's first
//! step after its neighbour's last but one, so that the graph is one piece.

use std::sync::Arc;

use async_trait::async_trait;
use dip::Layers;
use dip::core::fact::{Fact, FactKey, FactRegistry, Facts};
use dip::core::id::{LayerId, NodeName, SiteName};
use dip::core::layer::{ConnectError, Layer, Note};
use dip::core::observed::Observed;
use dip::core::operation::{Applied, Check, Context, Operation, OperationError, Operations};
use dip::core::provider::Providers;
use dip::core::secret::Secrets;
use dip::core::site::{SettingsSchema, Site};
use dip::core::step::{Boot, Environment, Step};
use dip::core::subject::Subject;
use serde::{Deserialize, Serialize};

/// How many steps each node has.
pub(crate) const STEPS: u16 = 20;

const DONE: Fact<bool> = Fact::new("bench.done");

/// The `index`-th piece of work on a node.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    node: NodeName,
    index: u16,
}

#[async_trait]
impl Operation for Work {
    const NAME: &'static str = "bench.work";

    async fn check(&self, _: &Context<'_>) -> Result<Check, OperationError> {
        Ok(Check::Holds(Facts::new().with_key(done(&self.node, self.index), &true)))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

/// What the `index`-th piece of work on a node gives.
pub(crate) fn done(node: &NodeName, index: u16) -> FactKey {
    DONE.of_boot(&Subject::node(node), index)
}

/// What is proposed for these nodes.
pub(crate) type Proposal = fn(&[NodeName]) -> Vec<Step>;

/// A layer that proposes the work of so many nodes.
#[derive(Debug)]
struct Rack {
    nodes: Vec<NodeName>,
    propose: Proposal,
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
        let work = Work { node: boot.node.clone(), index: STEPS + boot.ordinal };
        let step = Step::new(LayerId::Os, Subject::node(&boot.node), &work).give(done(&boot.node, work.index));
        vec![step.part_of(boot)]
    }
}

/// The `index`-th piece of work on a node, done wherever.
pub(crate) fn work(node: &NodeName, index: u16) -> Step {
    let work = Work { node: node.clone(), index };
    Step::new(LayerId::Os, Subject::node(node), &work).called(&index.to_string()).give(done(node, index))
}

/// The steps of W(n), all in the installed system.
pub(crate) fn chained(nodes: &[NodeName]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(nodes.len() * usize::from(STEPS));
    for (position, node) in nodes.iter().enumerate() {
        for index in 0..STEPS {
            let step = work(node, index).in_environment(node, Environment::Installed);
            steps.push(if let Some(before) = index.checked_sub(1) {
                step.need_facts([done(node, before)])
            } else if let Some(neighbour) = position.checked_sub(1) {
                step.need_facts([done(&nodes[neighbour], STEPS - 2)])
            } else {
                step
            });
        }
    }
    steps
}

/// The layers and the site for so many nodes.
pub(crate) fn rack(nodes: usize, propose: Proposal) -> (Layers, Arc<Site>) {
    let name = |index| NodeName::new(&format!("n{index}")).expect("a name");
    let layers = Layers::new().with(Rack { nodes: (0..nodes).map(name).collect(), propose });
    (layers, Arc::new(Site::new(SiteName::new("bench").expect("a name"))))
}
