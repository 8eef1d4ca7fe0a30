//! Sites built in code, and hand-made assignments among hand-made providers, for the tests of this crate.

use std::sync::Arc;

use dip_core::fact::Facts;
use dip_core::id::{NodeName, SiteName, StepId};
use dip_core::operation::{Assignment, Context};
use dip_core::provider::{Power, Providers};
use dip_core::secret::SecretRef;
use dip_core::site::{BmcAccess, Driver, Node, NodeSettings, NodeState, Site};
use dip_core::step::{Boot, Environment, Step};
use dip_core::subject::Subject;
use tokio_util::sync::CancellationToken;

use crate::provider::{Bmc, Boot as BootFacet, MockBmc};

pub(crate) struct Bench {
    assignment: Assignment,
    providers: Providers,
    cancel: CancellationToken,
}

impl Bench {
    /// A step of node `n1` whose BMC has these facets.
    pub(crate) fn new(power: Option<Arc<dyn Power>>, boot: Option<Arc<dyn BootFacet>>, step: Step) -> Self {
        let mut bmc = MockBmc::new();
        bmc.expect_power().returning(move || power.clone());
        bmc.expect_boot().returning(move || boot.clone());
        Self::with(bmc, step)
    }

    pub(crate) fn with(bmc: MockBmc, step: Step) -> Self {
        let mut providers = Providers::new();
        providers.insert::<dyn Bmc>(&Subject::node(&node_named("n1")), Arc::new(bmc));
        let assignment = Assignment {
            run: "run".to_owned(),
            step: StepId(0),
            name: step.name,
            call: step.call,
            facts: Facts::new(),
            attempt: 1,
            deadline: jiff::Timestamp::UNIX_EPOCH,
            fence: 1,
        };
        Self { assignment, providers, cancel: CancellationToken::new() }
    }

    pub(crate) fn attempt(mut self, attempt: u32) -> Self {
        self.assignment.attempt = attempt;
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.assignment, &self.providers, &self.cancel)
    }
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
