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
    let [healthy, absent, seen, twice, counted, stranger, dead, silent] = std::array::from_fn(|_| Arc::clone(&harness));
    vec![
        Trial::new("members_of_a_sound_cluster_are_healthy", || members_are_healthy(healthy)),
        Trial::new("a_key_that_was_never_written_is_absent", || absent_key(absent)),
        Trial::new("a_read_after_a_write_sees_it", || write_is_seen(seen)),
        Trial::new("a_write_made_twice_leaves_the_same_value", || written_twice(twice)),
        Trial::new("every_member_is_counted_by_the_cluster", || all_are_counted(counted)),
        Trial::new("taking_out_who_is_no_member_is_ok_and_changes_nothing", || a_stranger_is_taken_out(stranger)),
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

async fn all_are_counted(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let membership = harness.membership().await?;
    let mut names: Vec<String> = membership.members().await?.into_iter().map(|member| member.name).collect();
    names.sort_unstable();
    let roster = membership.roster().await?;
    if roster == names {
        Ok(Verdict::Passed)
    } else {
        Err(format!("{names:?} are members and {roster:?} are counted").into())
    }
}

async fn a_stranger_is_taken_out(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let membership = harness.membership().await?;
    let before = membership.roster().await?;
    membership.remove("no-such-member").await?;
    let after = membership.roster().await?;
    if after == before { Ok(Verdict::Passed) } else { Err(format!("{before:?} became {after:?}").into()) }
}

/// The trial of [`Membership::remove`], which changes the cluster for good: it comes last, where the cluster has members enough.
#[must_use]
pub fn membership_of_one_less(harness: Arc<dyn MembershipHarness>) -> Trial {
    Trial::new("a_member_that_is_taken_out_twice_is_counted_no_more_and_the_rest_goes_on", || one_less(harness))
}

async fn one_less(harness: Arc<dyn MembershipHarness>) -> Result<Verdict, Failure> {
    let membership = harness.membership().await?;
    let mut wanted = membership.roster().await?;
    let Some(last) = wanted.pop() else { return Err("nobody is counted".into()) };
    for _ in 0..2 {
        membership.remove(&last).await?;
        let roster = membership.roster().await?;
        if roster != wanted {
            return Err(format!("{last} was taken out of the cluster, and {roster:?} are counted").into());
        }
    }
    membership.write("/conformance/one-less", "x").await?;
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
