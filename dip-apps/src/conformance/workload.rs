//! The trials of [`Workload`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::id::NodeName;
use dip_core::provider::ErrorKind;

use crate::provider::{Configuration, ServiceState, Workload};

/// What the trials need of a server under trial.
#[async_trait]
pub trait WorkloadHarness: Send + Sync {
    /// The workload of a cluster whose members are installed and not configured yet.
    async fn workload(&self) -> Result<Arc<dyn Workload>, Failure>;

    /// All members of that cluster.
    fn members(&self) -> Vec<NodeName>;
}

/// The trials, in the order in which they must run.
#[must_use]
pub fn workload(harness: Arc<dyn WorkloadHarness>) -> Vec<Trial> {
    let (stranger, all, down) = (Arc::clone(&harness), Arc::clone(&harness), harness);
    vec![
        Trial::new("a_node_that_is_no_member_is_not_found", || a_stranger(stranger)),
        Trial::new("members_that_are_brought_up_twice_run_as_wanted", || brought_up_twice(all)),
        Trial::new("a_member_that_is_taken_down_twice_stays_down_and_comes_up_again", || taken_down_twice(down)),
    ]
}

async fn a_stranger(harness: Arc<dyn WorkloadHarness>) -> Result<Verdict, Failure> {
    let workload = harness.workload().await?;
    match workload.member(&NodeName::new("stranger")?).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Verdict::Passed),
        other => Err(format!("a node that is no member gave {other:?}").into()),
    }
}

async fn brought_up_twice(harness: Arc<dyn WorkloadHarness>) -> Result<Verdict, Failure> {
    let workload = harness.workload().await?;
    for member in harness.members() {
        workload.bring_up(&member).await?;
        workload.bring_up(&member).await?;
    }
    for member in harness.members() {
        runs(&*workload, &member).await?;
    }
    Ok(Verdict::Passed)
}

async fn taken_down_twice(harness: Arc<dyn WorkloadHarness>) -> Result<Verdict, Failure> {
    let workload = harness.workload().await?;
    let Some(member) = harness.members().pop() else { return Err("the cluster has no members".into()) };
    workload.bring_up(&member).await?;
    for _ in 0..2 {
        workload.take_down(&member).await?;
        let state = workload.member(&member).await?;
        if state.service != ServiceState::Stopped {
            return Err(format!("{member} was taken down and is {state:?}").into());
        }
    }
    workload.bring_up(&member).await?;
    runs(&*workload, &member).await?;
    Ok(Verdict::Passed)
}

/// Waits until a member runs as wanted.
async fn runs(workload: &dyn Workload, member: &NodeName) -> Result<(), Failure> {
    for _ in 0..120 {
        let state = workload.member(member).await?;
        if (state.configuration, state.service) == (Configuration::AsWanted, ServiceState::Running) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err(format!("{member} is {:?} after a minute", workload.member(member).await?).into())
}
