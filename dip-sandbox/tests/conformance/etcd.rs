//! The simulated etcd cluster: the real workload on simulated hosts, and the simulated membership.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_apps::conformance::WorkloadHarness;
use dip_apps::provider::Workload;
use dip_cluster::conformance::MembershipHarness;
use dip_cluster::provider::Membership;
use dip_core::conformance::Failure;
use dip_core::id::{ClusterName, NodeName};
use dip_core::provider::FileContent;
use dip_core::subject::Subject;
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

const MEMBERS: [&str; 3] = ["n1", "n2", "n3"];

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    async fn up(&self) -> Result<(), Failure> {
        for member in MEMBERS {
            let host = self.0.host(member).await?;
            let names = "127.0.0.1 localhost\n10.0.0.1 n1\n10.0.0.2 n2\n10.0.0.3 n3\n";
            host.write("/etc/hosts", &FileContent { bytes: names.into(), mode: 0o644 }).await?;
        }
        Ok(())
    }
}

fn cluster() -> Subject {
    Subject::cluster(&ClusterName::new("store").expect("a name"))
}

#[async_trait]
impl WorkloadHarness for Harness {
    async fn workload(&self) -> Result<Arc<dyn Workload>, Failure> {
        self.up().await?;
        Ok(self.0.provider(&cluster(), Access::Granted))
    }

    fn members(&self) -> Vec<NodeName> {
        MEMBERS.iter().map(|member| NodeName::new(member).expect("a name")).collect()
    }
}

#[async_trait]
impl MembershipHarness for Harness {
    async fn membership(&self) -> Result<Arc<dyn Membership>, Failure> {
        let workload = WorkloadHarness::workload(self).await?;
        for member in self.members() {
            workload.bring_up(&member).await?;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(self.0.provider(&cluster(), Access::Granted))
    }

    async fn dead(&self) -> Result<Arc<dyn Membership>, Failure> {
        Ok(self.0.provider(&cluster(), Access::DeadServer))
    }
}
