//! The layer itself: which workloads it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::apps::MEMBER;
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Cluster, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::settings;
use crate::steps::{StartMember, StopMember};

/// Layer 5, applications: the members of workloads.
#[derive(Debug, Clone, Copy, Default)]
pub struct AppsLayer;

impl Layer for AppsLayer {
    fn id(&self) -> LayerId {
        LayerId::Apps
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&MEMBER, "A member of a workload runs on a node; its version.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<StartMember>();
        known.register::<StopMember>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, _: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let ours = site.clusters.values().filter(|cluster| !cluster.is_handed_over());
        Ok(ours.flat_map(|cluster| members(site, cluster)).collect())
    }

    fn remove(&self, _: &Site, step: &Step) -> Option<Step> {
        let StartMember { cluster, node } = step.call.as_operation()?;
        Some(StopMember { cluster, node }.step())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// Every member that is wanted at ready state is started; one in maintenance or quarantine is left alone.
fn members(site: &Site, cluster: &Cluster) -> Vec<Step> {
    let nodes = || cluster.members.values().flatten();
    nodes()
        .filter(|node| site.nodes.get(*node).is_some_and(|node| node.state == NodeState::Ready))
        .map(|node| {
            let member = StartMember { cluster: cluster.name.clone(), node: node.clone() };
            member.step(nodes().filter_map(|node| site.nodes.get(node)), cluster.origin.clone())
        })
        .collect()
}
