//! The simulated switch.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::PortRef;
use dip_core::subject::Subject;
use dip_network::conformance::SwitchHarness;
use dip_network::provider::{PortMode, PortState, Switch};
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn Switch> {
        self.0.provider(&Subject::switch(&name()), access)
    }

    fn make(&self, state: PortState) -> String {
        let port = format!("t{}", self.0.fresh());
        self.0.sandbox.by_hand().set_port(&PortRef { switch: name(), port: port.clone() }, state);
        port
    }
}

fn name() -> SwitchName {
    SwitchName::new("sw1").expect("a name")
}

#[async_trait]
impl SwitchHarness for Harness {
    fn switch(&self) -> Arc<dyn Switch> {
        self.of(Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Switch>> {
        Some(self.of(Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Switch>> {
        Some(self.of(Access::DeadServer))
    }

    async fn access_port(&self, vlan: VlanId) -> Result<String, Failure> {
        Ok(self.make(PortState { mode: PortMode::Access, vlan: Some(vlan), trunks: Vec::new(), owner: None }))
    }

    async fn trunk_port(&self, vlans: &[VlanId]) -> Result<Option<String>, Failure> {
        Ok(Some(self.make(PortState { mode: PortMode::Trunk, vlan: None, trunks: vlans.to_vec(), owner: None })))
    }

    async fn marked_port(&self, vlan: VlanId, owner: &SiteName) -> Result<Option<String>, Failure> {
        let state =
            PortState { mode: PortMode::Access, vlan: Some(vlan), trunks: Vec::new(), owner: Some(owner.clone()) };
        Ok(Some(self.make(state)))
    }
}
