//! The simulated PDU.

use std::sync::Arc;

use dip_core::id::Symbol;
use dip_core::subject::Subject;
use dip_network::conformance::PduHarness;
use dip_network::provider::Pdu;
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn Pdu> {
        self.0.provider(&Subject::new(Symbol::of("pdu"), "pdu1"), access)
    }
}

impl PduHarness for Harness {
    fn pdu(&self) -> Arc<dyn Pdu> {
        self.of(Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Pdu>> {
        Some(self.of(Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Pdu>> {
        Some(self.of(Access::DeadServer))
    }

    fn outlets(&self) -> [u16; 2] {
        [1, 2]
    }

    fn missing_outlet(&self) -> u16 {
        9
    }
}
