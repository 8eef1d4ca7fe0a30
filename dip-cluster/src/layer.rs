//! The layer itself: which clusters it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::apps::MEMBER;
use dip_core::fact::cluster::{JOINED, QUORUM, WRITABLE};
use dip_core::id::{ClusterName, LayerId, NodeName};
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Cluster, Limit, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::settings;
use crate::steps::{AwaitQuorum, RemoveMember, VerifyWrite};

/// Layer 7, cluster coordination: quorum, and a write that proves it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClusterLayer;

impl Layer for ClusterLayer {
    fn id(&self) -> LayerId {
        LayerId::Cluster
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&QUORUM, "The cluster has quorum; its healthy voting members.");
        known.declare(&JOINED, "The cluster counts a node among its members.");
        known.declare(&WRITABLE, "A write was made and read back through the cluster; its revision.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<AwaitQuorum>();
        known.register::<VerifyWrite>();
        known.register::<RemoveMember>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, _: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let ours = || site.clusters.values().filter(|cluster| !cluster.is_handed_over());
        let notes: Vec<Note> = ours().filter_map(|cluster| quorum_lost(site, cluster)).collect();
        if notes.is_empty() { Ok(ours().flat_map(|cluster| steps(site, cluster)).collect()) } else { Err(notes) }
    }

    /// A member of a workload is counted by its cluster until the others take it out.
    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        let member = step.gives.iter().find(|fact| fact.name() == MEMBER.name())?.subject();
        let (cluster, node) = member.name().split_once('/')?;
        let cluster = site.clusters.get(&ClusterName::new(cluster).ok()?)?;
        let node = NodeName::new(node).ok()?;
        // A cluster that goes as a whole has nobody left who could take a member out.
        let stays = members(site, cluster, |state| state != NodeState::Absent);
        (!stays.is_empty()).then(|| RemoveMember { cluster: cluster.name.clone(), node }.step())
    }

    fn limits(&self, site: &Site) -> Vec<Limit> {
        let reason = "a cluster changes its membership one by one, or it may lose its quorum";
        let limit = |cluster: &ClusterName| Limit {
            lock: format!("cluster/{cluster}").into(),
            capacity: 1,
            reason: reason.to_owned(),
            origin: None,
        };
        site.clusters.keys().map(limit).collect()
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// The two steps of a cluster; none where too few of its members are wanted at ready state to have quorum.
fn steps(site: &Site, cluster: &Cluster) -> Vec<Step> {
    let ready = members(site, cluster, |state| state == NodeState::Ready);
    let members = members(site, cluster, |state| state != NodeState::Absent);
    let quorum = AwaitQuorum { cluster: cluster.name.clone(), members };
    if ready.len() < quorum.majority() {
        return Vec::new();
    }
    let write = VerifyWrite { cluster: cluster.name.clone(), site: site.name.clone() };
    vec![quorum.step(&ready, cluster.origin.clone()), write.step(cluster.origin.clone())]
}

fn members(site: &Site, cluster: &Cluster, is: impl Fn(NodeState) -> bool) -> Vec<NodeName> {
    let all = cluster.members.values().flatten();
    all.filter(|node| site.nodes.get(*node).is_some_and(|node| is(node.state))).cloned().collect()
}

/// What is wrong where absent members would leave fewer than the cluster needs to decide anything, their going included.
fn quorum_lost(site: &Site, cluster: &Cluster) -> Option<Note> {
    let all: Vec<_> = cluster.members.values().flatten().cloned().collect();
    let absent = members(site, cluster, |state| state == NodeState::Absent);
    let ready = members(site, cluster, |state| state == NodeState::Ready);
    let majority = AwaitQuorum { cluster: cluster.name.clone(), members: all.clone() }.majority();
    if absent.is_empty() || absent.len() == all.len() || ready.len() >= majority {
        return None;
    }
    let named: Vec<_> = absent.iter().map(|node| format!("`{node}`")).collect();
    let text = format!(
        "cluster `{}` would lose its quorum: {} of its {} members would be left ready, and {majority} are needed to take out {}; \
         make fewer of them absent at once, bring others to `ready` first, or make all of them absent",
        cluster.name,
        ready.len(),
        all.len(),
        named.join(", "),
    );
    Some(Note { text, origin: cluster.origin.clone() })
}

#[cfg(test)]
mod tests {
    use dip_core::id::{RoleName, SiteName, Symbol};
    use dip_core::site::{ClusterPolicy, Driver, Node, NodeSettings};

    use super::*;

    fn site(states: &[NodeState]) -> Site {
        let mut site = Site::new(SiteName::new("lab").expect("a name"));
        let nodes = states.iter().enumerate().map(|(number, state)| Node {
            name: NodeName::new(&format!("n{number}")).expect("a name"),
            state: *state,
            rack: None,
            profiles: Vec::new(),
            serial: None,
            bmc: None,
            nics: [].into(),
            outlets: Vec::new(),
            disks: [].into(),
            settings: NodeSettings::default(),
            origin: None,
        });
        site.nodes = nodes.map(|node| (node.name.clone(), node)).collect();
        let members = site.nodes.keys().cloned().collect();
        let cluster = Cluster {
            name: ClusterName::new("store").expect("a name"),
            workload: Driver { kind: Symbol::of("etcd"), settings: serde_json::json!({}), origin: None },
            members: [(RoleName::new("member").expect("a name"), members)].into(),
            policy: ClusterPolicy::default(),
            origin: None,
        };
        site.clusters.insert(cluster.name.clone(), cluster);
        site
    }

    fn told(states: &[NodeState]) -> Option<String> {
        ClusterLayer.propose(&site(states), &Observed::new()).err().map(|notes| notes[0].to_string())
    }

    #[test]
    fn a_removal_that_breaks_the_quorum_is_told_before_anything_is_done() {
        use NodeState::{Absent, Maintenance, Ready};
        let text = told(&[Ready, Absent, Absent]).expect("one of three is no majority");
        assert!(text.contains("cluster `store` would lose its quorum: 1 of its 3 members"), "{text}");
        assert!(text.contains("2 are needed to take out `n1`, `n2`"), "{text}");
        assert!(told(&[Ready, Maintenance, Absent]).is_some(), "who is in maintenance may not vote");
        assert_eq!(told(&[Ready, Ready, Absent]), None);
        assert_eq!(told(&[Absent, Absent, Absent]), None, "a cluster may go as a whole");
        assert_eq!(told(&[Ready, Maintenance, Maintenance]), None, "nothing is taken away");
    }

    #[test]
    fn the_members_that_are_left_are_the_ones_that_count() {
        use NodeState::{Absent, Ready};
        let steps = ClusterLayer.propose(&site(&[Ready, Ready, Absent]), &Observed::new()).expect("a majority is left");
        assert!(steps[0].call.input().contains(r#""members":["n0","n1"]"#), "{}", steps[0].call.input());
    }
}
