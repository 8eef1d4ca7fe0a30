//! The simulated PDU.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::id::{NodeName, PduName};
use dip_core::subject::Subject;
use dip_firmware::provider::Bmc;
use dip_network::conformance::{PduConsumers, PduHarness};
use dip_network::provider::{Load, Pdu};
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn Pdu> {
        of(&self.0, access)
    }
}

/// The PDU of the datacenter.
pub(crate) fn of(datacenter: &Datacenter, access: Access) -> Arc<dyn Pdu> {
    datacenter.provider(&Subject::pdu(&PduName::new("pdu1").expect("a name")), access)
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
    fn name_of(&self, outlet: u16) -> Option<String> {
        Some(format!("pdu1-{outlet}"))
    }

    fn loads(&self, _: u16) -> Option<[Load; 2]> {
        None
    }

    fn consumers(&self) -> Option<Arc<dyn PduConsumers>> {
        Some(Arc::new(Self(Arc::clone(&self.0))))
    }
}

/// The nodes `n4` and `n5` hang on the outlets 1 and 2: their BMCs answer as long as mains reaches them.
#[async_trait]
impl PduConsumers for Harness {
    async fn runs(&self, outlet: u16) -> Result<bool, Failure> {
        let node = NodeName::new(&format!("n{}", outlet + 3))?;
        let bmc = self.0.provider::<dyn Bmc>(&Subject::node(&node), Access::Granted);
        Ok(bmc.identity().await.is_ok())
    }

    async fn starts(&self, outlet: u16) -> Result<usize, Failure> {
        let on = format!("switch outlet {outlet} on");
        let mutations = self.0.sandbox.mutations();
        Ok(mutations.iter().filter(|(mutation, _)| mutation.action == on).map(|(_, count)| *count as usize).sum())
    }
}
