//! The running system of a simulated node.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::id::NodeName;
use dip_core::provider::{Command, Host};
use dip_core::subject::Subject;
use dip_os::conformance::HostHarness;
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    async fn of(&self, access: Access) -> Result<Arc<dyn Host>, Failure> {
        self.0.host("n1").await?;
        Ok(self.0.provider(&Subject::node(&NodeName::new("n1")?), access))
    }
}

#[async_trait]
impl HostHarness for Harness {
    async fn host(&self) -> Result<Arc<dyn Host>, Failure> {
        self.of(Access::Granted).await
    }

    fn directory(&self) -> String {
        "/var/tmp/conformance".to_owned()
    }

    async fn with_wrong_key(&self) -> Result<Option<Arc<dyn Host>>, Failure> {
        self.of(Access::WrongCredentials).await.map(Some)
    }

    /// The simulated nodes have no host keys.
    async fn with_wrong_host_key(&self) -> Result<Option<Arc<dyn Host>>, Failure> {
        Ok(None)
    }

    async fn dead(&self) -> Result<Arc<dyn Host>, Failure> {
        self.of(Access::DeadServer).await
    }

    fn signalled(&self) -> Option<Command> {
        Some(Command::new("sh").args(["-c", "kill -9 $$"]))
    }

    fn slow(&self) -> Option<Command> {
        Some(Command::new("sleep").arg("20"))
    }
}
