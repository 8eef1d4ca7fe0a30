//! Sites built in code, and steps among hand-made BMCs, for the tests of this crate.

use std::sync::Arc;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::Power;
use dip_core::secret::SecretRef;
use dip_core::site::{BmcAccess, Driver, Node, NodeSettings, NodeState, Site};
use dip_core::step::{Boot, Environment, Step};
use dip_core::subject::Subject;
use dip_core::testing::Bench;

use crate::provider::{Bmc, Boot as BootFacet, MockBmc};

/// A step of node `n1` whose BMC has these facets.
pub(crate) fn bench_of(power: Option<Arc<dyn Power>>, boot: Option<Arc<dyn BootFacet>>, step: Step) -> Bench {
    let mut bmc = MockBmc::new();
    bmc.expect_power().returning(move || power.clone());
    bmc.expect_boot().returning(move || boot.clone());
    bench_with(bmc, step)
}

/// A step of node `n1` with this BMC.
pub(crate) fn bench_with(bmc: MockBmc, step: Step) -> Bench {
    Bench::with::<dyn Bmc>(&Subject::node(&node_named("n1")), Arc::new(bmc), step)
}

pub(crate) fn node_named(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

pub(crate) fn boot_of_n1(to: Environment) -> Boot {
    Boot { node: node_named("n1"), from: None, to, ordinal: 1 }
}

pub(crate) fn node_with_bmc(name: &str, protocols: Vec<Driver>) -> Node {
    Node {
        name: node_named(name),
        state: NodeState::Ready,
        rack: None,
        profiles: vec![],
        serial: None,
        bmc: Some(BmcAccess {
            address: "192.0.2.9".to_owned(),
            user: "admin".to_owned(),
            password: SecretRef::Env("DIP_TEST_BMC_PASSWORD".to_owned()),
            factory_password: None,
            protocols,
            origin: None,
        }),
        nics: [].into(),
        outlets: vec![],
        disks: [].into(),
        settings: NodeSettings::default(),
        origin: None,
    }
}

pub(crate) fn site_of(nodes: impl IntoIterator<Item = Node>) -> Site {
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.nodes = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
    site
}
