//! The simulated switch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::PortRef;
use dip_core::subject::Subject;
use dip_network::conformance::SwitchHarness;
use dip_network::provider::{LearnedMac, Neighbour, PortState, Switch};
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
        Ok(self.make(PortState::access(Some(vlan))))
    }

    async fn trunk_port(&self, vlans: &[VlanId]) -> Result<Option<String>, Failure> {
        Ok(Some(self.make(PortState::trunk(vlans.iter().copied()))))
    }

    async fn marked_port(&self, vlan: VlanId, owner: &SiteName) -> Result<Option<String>, Failure> {
        Ok(Some(self.make(PortState::access(Some(vlan)).of(owner))))
    }

    fn aggregation(&self) -> String {
        format!("po{}", self.0.fresh())
    }

    fn peer(&self) -> Option<SwitchName> {
        SwitchName::new("sw2").ok()
    }

    async fn learn(&self) -> Result<LearnedMac, Failure> {
        let port = self.access_port(VlanId::try_from(20)?).await?;
        let learned = LearnedMac { mac: "52:54:00:00:00:77".parse()?, vlan: VlanId::try_from(20).ok(), port };
        self.0.sandbox.by_hand().send_frame(&name(), learned.clone());
        Ok(learned)
    }

    async fn hear(&self) -> Result<Neighbour, Failure> {
        let local = self.access_port(VlanId::try_from(20)?).await?;
        let told = |text: &str| Some(text.to_owned());
        let neighbour = Neighbour {
            local,
            system: told("n9"),
            chassis: told("52:54:00:00:00:77"),
            port: told("52:54:00:00:00:78"),
            port_description: told("eth1"),
        };
        self.0.sandbox.by_hand().plug_in(&name(), neighbour.clone());
        Ok(neighbour)
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
