//! The mains of a simulated node with two feeds.

use std::sync::Arc;

use dip_core::provider::{Power, Providers};
use dip_core::subject::Subject;
use dip_network::conformance::{MainsHarness, PduConsumers};
use dip_network::provider::Pdu;
use dip_network::providers::Mains;
use dip_sandbox::Access;

use crate::datacenter::Datacenter;
use crate::pdu;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    /// A node with feeds from the outlets 1 and 2, each by a provider of its own.
    fn of(&self, second: Access) -> Arc<dyn Power> {
        let mut node = crate::datacenter::site().nodes.remove("n4").expect("the site has it");
        node.outlets = ["pdu1/1", "pdu2/2"].map(|outlet| outlet.parse().expect("an outlet")).to_vec();
        let mut providers = Providers::new();
        for (outlet, access) in node.outlets.iter().zip([Access::Granted, second]) {
            providers.insert::<dyn Pdu>(&Subject::pdu(&outlet.pdu), pdu::of(&self.0, access));
        }
        Arc::new(Mains::of(&node, &providers).expect("both PDUs are there"))
    }
}

impl MainsHarness for Harness {
    fn mains(&self) -> Arc<dyn Power> {
        self.of(Access::Granted)
    }

    fn with_dead_feed(&self) -> Option<Arc<dyn Power>> {
        Some(self.of(Access::DeadServer))
    }

    fn feeds(&self) -> [u16; 2] {
        [1, 2]
    }

    fn supplies(&self) -> Arc<dyn PduConsumers> {
        Arc::new(pdu::Harness::new(&self.0))
    }
}
