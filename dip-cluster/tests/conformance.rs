//! The trials of this layer's providers on real servers.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_cluster::conformance::{MembershipHarness, membership};
use dip_cluster::provider::{Health, Membership};
use dip_cluster::providers::etcd::Etcd;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed, run_as_tests};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("a runtime can be made");
    let trials = match runtime.block_on(dip_lab::Etcd::start(3)) {
        Ok(cluster) => {
            let members = cluster.members.clone();
            // The trial that stops members comes last and keeps the cluster until then.
            let mut trials = membership(Arc::new(Lab { members }));
            trials.push(Trial::new("a_member_is_taken_out_of_a_cluster_of_its_own", taken_out));
            trials.push(Trial::new("a_cluster_that_lost_its_majority_tells_it", || majority_lost(cluster)));
            trials
        }
        Err(error) => {
            let why = dip_core::provider::sentence(&error);
            vec![Trial::new("a_cluster_can_be_started", || async { not_installed(why) })]
        }
    };
    run_as_tests(&runtime, trials.into_iter().map(|trial| trial.on("etcd")).collect())
}

struct Lab {
    members: Vec<(String, SocketAddr)>,
}

#[async_trait]
impl MembershipHarness for Lab {
    async fn membership(&self) -> Result<Arc<dyn Membership>, Failure> {
        Ok(Arc::new(Etcd::at(self.members.clone())?))
    }

    async fn dead(&self) -> Result<Arc<dyn Membership>, Failure> {
        // Port 9 (discard) of this machine: nothing listens there.
        Ok(Arc::new(Etcd::at(vec![("n1".to_owned(), SocketAddr::from(([127, 0, 0, 1], 9)))])?))
    }
}

/// It changes the cluster for good, so it has one of its own.
async fn taken_out() -> Result<Verdict, Failure> {
    let cluster = dip_lab::Etcd::start(3).await?;
    let members = cluster.members.clone();
    // etcd changes its members only once all have been connected for five seconds (its `HealthInterval`); until then it is busy.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    dip_cluster::conformance::membership_of_one_less(Arc::new(Lab { members })).run().await
}

async fn majority_lost(mut cluster: dip_lab::Etcd) -> Result<Verdict, Failure> {
    let membership = Etcd::at(cluster.members.clone())?;
    cluster.stop(0);
    becomes(&membership, [Health::Silent, Health::Healthy, Health::Healthy]).await?;
    membership.write("/conformance/two-of-three", "x").await?;
    cluster.stop(1);
    becomes(&membership, [Health::Silent, Health::Silent, Health::Alone]).await?;
    match membership.write("/conformance/one-of-three", "x").await {
        Err(_) => Ok(Verdict::Passed),
        Ok(()) => Err("a write without quorum was accepted".into()),
    }
}

/// Waits until the members are as expected: an election takes about a second.
async fn becomes(membership: &Etcd, expected: [Health; 3]) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let health: Vec<Health> = membership.members().await?.into_iter().map(|member| member.health).collect();
        if health == expected {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the members are {health:?} and should become {expected:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
