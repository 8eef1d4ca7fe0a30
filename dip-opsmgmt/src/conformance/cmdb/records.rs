//! The trials of dip's fields of a record.

use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, us};
use dip_core::conformance::{Failure, Verdict};
use dip_core::provider::{ErrorKind, Holder};

use super::harness::Harness;
use crate::provider::{Cmdb, NodeRecord};

/// The CMDB must have the record, ours.
pub(super) async fn ours(cmdb: &dyn Cmdb, wanted: &NodeRecord) -> Result<(), Failure> {
    let held = cmdb.read(&wanted.node).await?.ok_or_else(|| format!("there is no record of {}", wanted.node))?;
    same("the record", &held.record, wanted)?;
    same("the owner", &held.owner, &Some(us()))
}

pub(super) async fn a_record_that_was_never_made_is_absent(harness: Harness) -> Result<Verdict, Failure> {
    same("the record", &harness.cmdb().read(&harness.fresh().node).await?, &None)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_read_right_after_a_write_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted) = (harness.cmdb(), harness.fresh());
    cmdb.write(&wanted, &us()).await?;
    ours(&*cmdb, &wanted).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn writing_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted) = (harness.cmdb(), harness.fresh());
    cmdb.write(&wanted, &us()).await?;
    cmdb.write(&wanted, &us()).await?;
    ours(&*cmdb, &wanted).await?;
    let found = cmdb.list().await?.into_iter().filter(|held| held.record.node == wanted.node).count();
    same("the number of its records", &found, &1)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_changed_record_replaces_the_former(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, first, second) = (harness.cmdb(), harness.fresh(), harness.fresh());
    cmdb.write(&first, &us()).await?;
    let changed = NodeRecord { node: first.node, rack: None, ..second };
    cmdb.write(&changed, &us()).await?;
    ours(&*cmdb, &changed).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn what_others_wrote_in_a_record_is_kept(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted, other) = (harness.cmdb(), harness.fresh(), harness.fresh());
    if harness.seed_other_fields(&wanted).await?.is_none() {
        return ignored("no other fields can be written into the CMDB");
    }
    same("dip's part of it", &cmdb.read(&wanted.node).await?, &None)?;
    cmdb.write(&wanted, &us()).await?;
    ours(&*cmdb, &wanted).await?;
    harness.other_fields_are_untouched(&wanted).await?;
    let changed = NodeRecord { node: wanted.node.clone(), ..other };
    cmdb.write(&changed, &us()).await?;
    harness.other_fields_are_untouched(&wanted).await?;
    cmdb.remove(&wanted.node, &us()).await?;
    same("dip's part of it", &cmdb.read(&wanted.node).await?, &None)?;
    harness.other_fields_are_untouched(&wanted).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_removed_record_is_gone(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted) = (harness.cmdb(), harness.fresh());
    cmdb.write(&wanted, &us()).await?;
    cmdb.remove(&wanted.node, &us()).await?;
    same("the record", &cmdb.read(&wanted.node).await?, &None)?;
    cmdb.write(&wanted, &us()).await?;
    ours(&*cmdb, &wanted).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn removing_what_is_absent_is_no_error(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted) = (harness.cmdb(), harness.fresh());
    cmdb.remove(&wanted.node, &us()).await?;
    cmdb.write(&wanted, &us()).await?;
    cmdb.remove(&wanted.node, &us()).await?;
    cmdb.remove(&wanted.node, &us()).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_record_of_another_site_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, theirs, other) = (harness.cmdb(), harness.fresh(), harness.fresh());
    cmdb.write(&theirs, &them()).await?;
    let before = cmdb.read(&theirs.node).await?;
    let wanted = NodeRecord { node: theirs.node.clone(), ..other };
    fails("asking for it", cmdb.may_write(&wanted, &us()).await, ErrorKind::Conflict)?;
    fails("writing it", cmdb.write(&wanted, &us()).await, ErrorKind::Conflict)?;
    fails("removing it", cmdb.remove(&theirs.node, &us()).await, ErrorKind::Conflict)?;
    same("the record of the other site", &cmdb.read(&theirs.node).await?, &before)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_record_without_a_mark_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, theirs, other) = (harness.cmdb(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&theirs).await?.is_none() {
        return ignored("nothing without a mark can be written into the CMDB");
    }
    let before = cmdb.read(&theirs.node).await?;
    same("that it is told without an owner", &before.as_ref().map(|held| held.owner.is_none()), &Some(true))?;
    let wanted = NodeRecord { node: theirs.node.clone(), ..other };
    fails("asking for it", cmdb.may_write(&wanted, &us()).await, ErrorKind::Conflict)?;
    fails("writing it", cmdb.write(&wanted, &us()).await, ErrorKind::Conflict)?;
    fails("removing it", cmdb.remove(&theirs.node, &us()).await, ErrorKind::Conflict)?;
    same("the record", &cmdb.read(&theirs.node).await?, &before)?;
    Ok(Verdict::Passed)
}

pub(super) async fn the_list_tells_whose_each_is(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, mine, theirs) = (harness.cmdb(), harness.fresh(), harness.fresh());
    cmdb.write(&mine, &us()).await?;
    cmdb.write(&theirs, &them()).await?;
    let list = cmdb.list().await?;
    for (wanted, owner) in [(mine, us()), (theirs, them())] {
        let found = list.iter().find(|held| held.record.node == wanted.node);
        let Some(found) = found else { return Err(format!("{} is not in the list", wanted.node).into()) };
        same("the record", &found.record, &wanted)?;
        same("the owner", &found.owner, &Some(owner))?;
    }
    let order: Vec<_> = list.iter().map(|held| &held.record.node).collect();
    same("that the list is in the order of nodes", &order.is_sorted(), &true)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_claimed_record_becomes_ours_and_can_be_given_back(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted, never) = (harness.cmdb(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&wanted).await?.is_none() {
        return ignored("nothing without a mark can be written into the CMDB");
    }
    for _ in 0..2 {
        cmdb.claim(&wanted.node, &Holder::Nobody, &us()).await?;
        ours(&*cmdb, &wanted).await?;
    }
    cmdb.write(&wanted, &us()).await?;
    for _ in 0..2 {
        cmdb.disown(&wanted.node, &us()).await?;
        let held = cmdb.read(&wanted.node).await?.ok_or("the record that was given back is gone")?;
        same("the record that was given back", &held.record, &wanted)?;
        same("its owner", &held.owner, &None)?;
    }
    cmdb.claim(&never.node, &Holder::Nobody, &us()).await?;
    cmdb.disown(&never.node, &us()).await?;
    same("a record that was never made", &cmdb.read(&never.node).await?, &None)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_record_that_is_held_by_another_than_the_claim_says_is_a_conflict(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, theirs) = (harness.cmdb(), harness.fresh());
    cmdb.write(&theirs, &them()).await?;
    let before = cmdb.read(&theirs.node).await?;
    fails("claiming it from nobody", cmdb.claim(&theirs.node, &Holder::Nobody, &us()).await, ErrorKind::Conflict)?;
    fails("giving it back", cmdb.disown(&theirs.node, &us()).await, ErrorKind::Conflict)?;
    same("the record of the other site", &cmdb.read(&theirs.node).await?, &before)?;
    cmdb.claim(&theirs.node, &Holder::Site(them()), &us()).await?;
    ours(&*cmdb, &theirs).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(cmdb) = harness.with_wrong_credentials() else { return ignored("the CMDB asks for no credentials") };
    let wanted = harness.fresh();
    fails("writing", cmdb.write(&wanted, &us()).await, ErrorKind::Denied)?;
    fails("removing", cmdb.remove(&wanted.node, &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_dead_server_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(cmdb) = harness.of_dead_server() else { return ignored("the CMDB cannot be dead") };
    let wanted = harness.fresh();
    fails("reading", cmdb.read(&wanted.node).await, ErrorKind::Unreachable)?;
    fails("writing", cmdb.write(&wanted, &us()).await, ErrorKind::Unreachable)?;
    fails("removing", cmdb.remove(&wanted.node, &us()).await, ErrorKind::Unreachable)?;
    fails("listing", cmdb.list().await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_cancelled_call_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, wanted, owner) = (harness.cmdb(), harness.fresh(), us());
    cancelled(cmdb.write(&wanted, &owner)).await;
    cmdb.read(&wanted.node).await?;
    cmdb.write(&wanted, &owner).await?;
    ours(&*cmdb, &wanted).await?;
    Ok(Verdict::Passed)
}
