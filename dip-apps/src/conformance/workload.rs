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
    let (stranger, all) = (Arc::clone(&harness), harness);
    vec![
        Trial::new("a_node_that_is_no_member_is_not_found", || a_stranger(stranger)),
        Trial::new("members_that_are_brought_up_twice_run_as_wanted", || brought_up_twice(all)),
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
        let mut looks = 0;
        loop {
            let state = workload.member(&member).await?;
            if (state.configuration, state.service) == (Configuration::AsWanted, ServiceState::Running) {
                break;
            }
            looks += 1;
            if looks == 120 {
                return Err(format!("{member} is {state:?} after a minute").into());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(Verdict::Passed)
}
