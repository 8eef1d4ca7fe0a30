//! The layer itself: which clusters it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::cluster::{QUORUM, WRITABLE};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Cluster, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::settings;
use crate::steps::{AwaitQuorum, VerifyWrite};

/// Layer 7, cluster coordination: quorum, and a write that proves it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClusterLayer;

impl Layer for ClusterLayer {
    fn id(&self) -> LayerId {
        LayerId::Cluster
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&QUORUM, "The cluster has quorum; its healthy voting members.");
        known.declare(&WRITABLE, "A write was made and read back through the cluster; its revision.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<AwaitQuorum>();
        known.register::<VerifyWrite>();
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
        Ok(ours.flat_map(|cluster| steps(site, cluster)).collect())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// The two steps of a cluster; none where too few of its members are wanted at ready state to have quorum.
fn steps(site: &Site, cluster: &Cluster) -> Vec<Step> {
    let members: Vec<_> = cluster.members.values().flatten().cloned().collect();
    let ready: Vec<_> = members
        .iter()
        .filter(|node| site.nodes.get(*node).is_some_and(|node| node.state == NodeState::Ready))
        .cloned()
        .collect();
    let quorum = AwaitQuorum { cluster: cluster.name.clone(), members };
    if ready.len() < quorum.majority() {
        return Vec::new();
    }
    let write = VerifyWrite { cluster: cluster.name.clone(), site: site.name.clone() };
    vec![quorum.step(&ready, cluster.origin.clone()), write.step(cluster.origin.clone())]
}
