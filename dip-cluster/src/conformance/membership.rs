//! The trials of [`Membership`].

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry};

use crate::provider::{Health, Membership};

/// What the trials need of a cluster under trial.
#[async_trait]
pub trait MembershipHarness: Send + Sync {
    /// A cluster that has quorum.
    async fn membership(&self) -> Result<Arc<dyn Membership>, Failure>;

    /// A cluster none of whose members answers.
    async fn dead(&self) -> Result<Arc<dyn Membership>, Failure>;
}

/// The trials.
#[must_use]
pub fn membership(harness: Arc<dyn MembershipHarness>) -> Vec<Trial> {
    let [healthy, absent, seen, twice, dead, silent] = std::array::from_fn(|_| Arc::clone(&harness));
    vec![
        Trial::new("members_of_a_sound_cluster_are_healthy", || members_are_healthy(healthy)),
        Trial::new("a_key_that_was_never_written_is_absent", || absent_key(absent)),
        Trial::new("a_read_after_a_write_sees_it", || write_is_seen(seen)),
        Trial::new("a_write_made_twice_leaves_the_same_value", || written_twice(twice)),
        Trial::new("a_dead_cluster_is_unreachable_and_worth_another_try", || dead_cluster(dead)),
        Trial::new("members_that_do_not_answer_are_told_and_are_no_error", || silent_members(silent)),
    ]
}

async fn members_are_healthy(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let members = harness.membership().await?.members().await?;
    if members.is_empty() || members.iter().any(|member| member.health != Health::Healthy) {
        return Err(format!("a cluster with quorum told {members:?}").into());
    }
    Ok(Verdict::Passed)
}

async fn absent_key(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    match harness.membership().await?.read("/conformance/never").await? {
        None => Ok(Verdict::Passed),
        Some(stored) => Err(format!("a key that was never written holds {stored:?}").into()),
    }
}

async fn write_is_seen(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let membership = harness.membership().await?;
    for value in ["one", "zwölf = 12\n"] {
        membership.write("/conformance/seen", value).await?;
        let stored = membership.read("/conformance/seen").await?;
        if stored.as_ref().map(|stored| stored.value.as_str()) != Some(value) {
            return Err(format!("{value:?} was written and {stored:?} is read").into());
        }
    }
    Ok(Verdict::Passed)
}

async fn written_twice(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let membership = harness.membership().await?;
    membership.write("/conformance/twice", "x").await?;
    let first = membership.read("/conformance/twice").await?.ok_or("the write is not seen")?;
    membership.write("/conformance/twice", "x").await?;
    let second = membership.read("/conformance/twice").await?.ok_or("the second write is not seen")?;
    if first.value != second.value || second.revision < first.revision {
        return Err(format!("{first:?} became {second:?}").into());
    }
    Ok(Verdict::Passed)
}

async fn dead_cluster(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    match harness.dead().await?.read("/conformance/dead").await {
        Err(error) if error.kind() == ErrorKind::Unreachable && error.retry() == Retry::Backoff => Ok(Verdict::Passed),
        other => Err(format!("a dead cluster gave {other:?}").into()),
    }
}

async fn silent_members(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let members = harness.dead().await?.members().await?;
    if members.iter().any(|member| member.health != Health::Silent) {
        return Err(format!("dead members are told as {members:?}").into());
    }
    Ok(Verdict::Passed)
}
