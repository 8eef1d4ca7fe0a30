//! The trials of interfaces and addresses in the own fields of a CMDB.

use std::net::IpAddr;

use dip_core::conformance::expect::{fails, ignored, same, us};
use dip_core::conformance::{Failure, Verdict};
use dip_core::hardware::MacAddr;
use dip_core::id::NicName;
use dip_core::provider::{ErrorKind, ProviderError, sentence};
use ipnetwork::IpNetwork;

use super::harness::{Harness, NativeNode};
use super::records::ours;
use crate::provider::{NicRecord, NodeRecord};

/// A record with an interface: its address, and a MAC address made from it.
fn with_nic(record: NodeRecord) -> (NodeRecord, NicRecord) {
    let mac = match record.addresses.first() {
        Some(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            MacAddr([2, 0, a, b, c, d])
        }
        _ => MacAddr([2, 0, 0, 0, 0, 1]),
    };
    let addresses = record.addresses.iter().filter_map(|address| IpNetwork::new(*address, 24).ok()).collect();
    let name = NicName::new("eth0").expect("a plain word is a name");
    let nic = NicRecord { name, mac: Some(mac), addresses };
    (NodeRecord { nics: vec![nic.clone()], ..record }, nic)
}

const NO_FIELDS: &str = "the CMDB has no fields of its own for interfaces";

pub(super) async fn interfaces_are_kept_with_the_record(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, _)) = (harness.cmdb(), with_nic(harness.fresh()));
    cmdb.may_write(&wanted, &us()).await?;
    for _ in 0..2 {
        cmdb.write(&wanted, &us()).await?;
        ours(&*cmdb, &wanted).await?;
    }
    cmdb.remove(&wanted.node, &us()).await?;
    same("the record", &cmdb.read(&wanted.node).await?, &None)?;
    Ok(Verdict::Passed)
}

pub(super) async fn interfaces_and_addresses_are_in_the_own_fields_of_the_cmdb(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, nic)) = (harness.cmdb(), with_nic(harness.fresh()));
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    cmdb.write(&wanted, &us()).await?;
    cmdb.write(&wanted, &us()).await?;
    let all = NativeNode { nics: vec![nic], primary: wanted.addresses.first().copied() };
    same("what a person finds", &harness.native(&wanted).await?, &Some(all))?;
    cmdb.remove(&wanted.node, &us()).await?;
    same("what is left", &harness.native(&wanted).await?, &Some(NativeNode::default()))?;
    // Nothing holds the address any more: another node can have it.
    let heir = NodeRecord { nics: wanted.nics.clone(), addresses: wanted.addresses.clone(), ..harness.fresh() };
    cmdb.write(&heir, &us()).await?;
    ours(&*cmdb, &heir).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_changed_address_takes_the_place_of_the_former(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, (first, _), (second, _)) = (harness.cmdb(), with_nic(harness.fresh()), with_nic(harness.fresh()));
    if harness.native(&first).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    cmdb.write(&first, &us()).await?;
    let changed = NodeRecord { node: first.node.clone(), host_name: first.host_name.clone(), ..second };
    cmdb.write(&changed, &us()).await?;
    ours(&*cmdb, &changed).await?;
    let all = NativeNode { nics: changed.nics.clone(), primary: changed.addresses.first().copied() };
    same("what a person finds", &harness.native(&changed).await?, &Some(all))?;
    Ok(Verdict::Passed)
}

pub(super) async fn an_interface_that_is_there_is_filled_and_emptied_again(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, nic)) = (harness.cmdb(), with_nic(harness.fresh()));
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    let empty = NicRecord { name: nic.name.clone(), mac: None, addresses: Vec::new() };
    harness.seed_native(&wanted, &empty).await?;
    cmdb.write(&wanted, &us()).await?;
    let all = NativeNode { nics: vec![nic], primary: wanted.addresses.first().copied() };
    same("what a person finds", &harness.native(&wanted).await?, &Some(all))?;
    cmdb.remove(&wanted.node, &us()).await?;
    let before = NativeNode { nics: vec![empty], primary: None };
    same("what is left", &harness.native(&wanted).await?, &Some(before))?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_mac_address_that_somebody_typed_is_a_conflict_and_told_before(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, nic), (_, other)) = (harness.cmdb(), with_nic(harness.fresh()), with_nic(harness.fresh()));
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    harness.seed_native(&wanted, &NicRecord { mac: other.mac, addresses: Vec::new(), ..nic }).await?;
    let before = harness.native(&wanted).await?;
    let mac = other.mac.map(|mac| mac.to_string()).unwrap_or_default();
    for told in [cmdb.may_write(&wanted, &us()).await, cmdb.write(&wanted, &us()).await] {
        let words = sentence_with(&told, &mac);
        fails("writing over it", told, ErrorKind::Conflict)?;
        same("that the MAC address is told", &words, &true)?;
    }
    same("what a person finds", &harness.native(&wanted).await?, &before)?;
    same("dip's part of it", &cmdb.read(&wanted.node).await?, &None)?;
    Ok(Verdict::Passed)
}

pub(super) async fn an_address_of_another_machine_is_a_conflict_and_told_before(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, nic), other) = (harness.cmdb(), with_nic(harness.fresh()), harness.fresh());
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    harness.seed_native(&other, &NicRecord { mac: None, ..nic }).await?;
    let before = harness.native(&other).await?;
    for told in [cmdb.may_write(&wanted, &us()).await, cmdb.write(&wanted, &us()).await] {
        let words = sentence_with(&told, &wanted.addresses[0].to_string());
        fails("taking its address", told, ErrorKind::Conflict)?;
        same("that the address is told", &words, &true)?;
    }
    same("the other machine", &harness.native(&other).await?, &before)?;
    same("dip's record", &cmdb.read(&wanted.node).await?, &None)?;
    Ok(Verdict::Passed)
}

pub(super) async fn a_mac_address_that_was_changed_by_hand_is_seen_and_mended(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, nic), (_, other)) = (harness.cmdb(), with_nic(harness.fresh()), with_nic(harness.fresh()));
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    cmdb.write(&wanted, &us()).await?;
    let typed = other.mac.ok_or("it has one")?;
    harness.change_native_mac(&wanted, &nic.name, typed).await?;
    let held = cmdb.read(&wanted.node).await?.ok_or("the record is gone")?;
    same("the MAC address that is told", &held.record.nics.first().and_then(|nic| nic.mac), &Some(typed))?;
    cmdb.write(&wanted, &us()).await?;
    ours(&*cmdb, &wanted).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn what_people_added_to_a_node_stays_when_it_goes(harness: Harness) -> Result<Verdict, Failure> {
    let (cmdb, (wanted, _), (_, other)) = (harness.cmdb(), with_nic(harness.fresh()), with_nic(harness.fresh()));
    if harness.native(&wanted).await?.is_none() {
        return ignored(NO_FIELDS);
    }
    cmdb.write(&wanted, &us()).await?;
    let added = NicRecord { name: NicName::new("added")?, ..other };
    harness.seed_native(&wanted, &added).await?;
    ours(&*cmdb, &wanted).await?;
    cmdb.remove(&wanted.node, &us()).await?;
    let left = NativeNode { nics: vec![added], primary: None };
    same("what is left", &harness.native(&wanted).await?, &Some(left))?;
    Ok(Verdict::Passed)
}

fn sentence_with(told: &Result<(), ProviderError>, words: &str) -> bool {
    told.as_ref().err().is_some_and(|error| sentence(error).contains(words))
}
