//! The site that the benches plan: W(n), n nodes of so many chained steps, each node's first step after its neighbour's last
//! but one, so that the graph is one piece.

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
        Ok(Check::Holds(Facts::new().with_key(done(&Subject::node(&self.node), self.index), &true)))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

fn done(node: &Subject, index: u16) -> FactKey {
    DONE.of_boot(node, index)
}

/// A layer that proposes the work of so many nodes.
#[derive(Debug)]
pub(crate) struct Rack {
    nodes: Vec<NodeName>,
    steps: u16,
    place: Where,
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
        let subjects: Vec<Subject> = self.nodes.iter().map(Subject::node).collect();
        let mut steps = Vec::with_capacity(self.nodes.len() * usize::from(self.steps));
        for (position, (node, subject)) in self.nodes.iter().zip(&subjects).enumerate() {
            for index in 0..self.steps {
                let work = Work { node: node.clone(), index };
                let mut step = Step::new(LayerId::Os, subject.clone(), &work)
                    .called(&index.to_string())
                    .give(done(subject, index));
                if let Some(before) = index.checked_sub(1) {
                    step = step.need_facts([done(subject, before)]);
                } else if let Some(neighbour) = position.checked_sub(1) {
                    step = step.need_facts([done(&subjects[neighbour], self.steps - 2)]);
                }
                if self.place == Where::Installed {
                    step = step.in_environment(node, Environment::Installed);
                }
                steps.push(step);
            }
        }
        Ok(steps)
    }

    fn enter(&self, _: &Site, boot: &Boot) -> Vec<Step> {
        let work = Work { node: boot.node.clone(), index: self.steps + boot.ordinal };
        let subject = Subject::node(&boot.node);
        let step = Step::new(LayerId::Os, subject.clone(), &work).give(done(&subject, work.index));
        vec![step.part_of(boot)]
    }
}

/// The layers and the site of so many nodes with so many steps each.
pub(crate) fn rack(nodes: usize, steps: u16, place: Where) -> (Layers, Arc<Site>) {
    let name = |index| NodeName::new(&format!("n{index}")).expect("a name");
    let layers = Layers::new().with(Rack { nodes: (0..nodes).map(name).collect(), steps, place });
    (layers, Arc::new(Site::new(SiteName::new("bench").expect("a name"))))
}
