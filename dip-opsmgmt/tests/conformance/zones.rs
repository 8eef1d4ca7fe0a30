//! What every server with zones does in the same way: its records as `dig` sees them and as its zones list them.

use std::sync::Arc;

use dip_core::conformance::Failure;
use dip_core::conformance::expect::{refused, us};
use dip_core::provider::ErrorKind;
use dip_opsmgmt::conformance::DnsHarness;
use dip_opsmgmt::provider::{Entry, EntryData, HostName};

use crate::is;

/// A server whose zones can be looked into beside dip: `lab.test` with records of somebody else, and the reverse zones.
pub(crate) trait Zones: DnsHarness + 'static {
    /// What `dig +short` says of a query.
    fn dig(&self, query: &[&str]) -> Result<String, Failure>;

    /// All records of a zone, a line each.
    fn list(&self, zone: &str) -> Result<String, Failure>;

    /// All records of a zone but its SOA, whose serial number every change raises.
    fn zone(&self, zone: &str) -> Result<String, Failure> {
        let text = self.list(zone)?;
        let mut lines: Vec<_> = text.lines().filter(|line| !line.contains("SOA")).collect();
        lines.sort_unstable();
        Ok(lines.join("\n"))
    }
}

pub(crate) async fn dig_sees_the_name_in_both_directions<Z: Zones>(rig: &Arc<Z>) -> Result<(), Failure> {
    let wanted = rig.fresh();
    rig.dns().ensure(&wanted, &us()).await?;
    let (v4, v6) = (wanted.addresses[0].to_string(), wanted.addresses[1].to_string());
    is("A", &rig.dig(&[&wanted.name, "A"])?, &v4)?;
    is("AAAA", &rig.dig(&[&wanted.name, "AAAA"])?, &v6)?;
    is("the mark", &rig.dig(&[&format!("_dip.{}", wanted.name), "TXT"])?, "\"site=conformance\"")?;
    is("PTR", &rig.dig(&["-x", &v4])?, &format!("{}.", wanted.name))?;
    is("PTR", &rig.dig(&["-x", &v6])?, &format!("{}.", wanted.name))
}

pub(crate) async fn every_foreign_record_is_as_before_after_a_name_was_made_and_removed<Z: Zones>(
    rig: &Arc<Z>,
) -> Result<(), Failure> {
    let zones = ["lab.test", "10.in-addr.arpa", "0.0.0.0.3.9.d.f.ip6.arpa"];
    let (wanted, changed) = (rig.fresh(), rig.fresh());
    let before = zones.map(|zone| rig.zone(zone));
    rig.dns().ensure(&wanted, &us()).await?;
    rig.dns().ensure(&HostName { name: wanted.name.clone(), ..changed }, &us()).await?;
    for (taken, holder) in [("www.lab.test", "10.9.9.9"), ("shop.lab.test", "another type")] {
        let taken = HostName { name: taken.to_owned(), ..wanted.clone() };
        refused(rig.dns().ensure(&taken, &us()).await, ErrorKind::Conflict, holder)?;
    }
    if !rig.zone("lab.test")?.contains(&wanted.name) {
        return Err("the zone does not show the name that was made".into());
    }
    rig.dns().remove(&wanted.name, &us()).await?;
    for (zone, before) in zones.into_iter().zip(before) {
        is(zone, &rig.zone(zone)?, &before?)?;
    }
    Ok(())
}

pub(crate) async fn a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it<Z: Zones>(
    rig: &Arc<Z>,
) -> Result<(), Failure> {
    let (first, second) = (rig.fresh(), rig.fresh());
    let before = rig.zone("lab.test")?;
    let entry = |name: &str, data| Entry { name: name.to_owned(), ttl: Some(30), data };
    let entries = |text: &str| {
        let srv = EntryData::Srv { priority: 0, weight: 5, port: 2380, target: first.name.clone() };
        vec![
            entry(&format!("alias-of-{}", first.name), EntryData::Cname(first.name.clone())),
            entry(&format!("_of-{}", first.name), srv),
            entry(&first.name, EntryData::Txt(text.to_owned())),
        ]
    };
    let names = [first.clone(), second.clone()];
    for text in ["rack r1", "rack r1", "rack \"r2\""] {
        rig.dns().ensure_all(&names, &entries(text), &us()).await?;
        let shown = format!("\"{}\"", text.replace('"', "\\\""));
        is("TXT", &rig.dig(&[&first.name, "TXT"])?, &shown)?;
    }
    is("CNAME", &rig.dig(&[&format!("alias-of-{}", first.name), "CNAME"])?, &format!("{}.", first.name))?;
    is("SRV", &rig.dig(&[&format!("_of-{}", first.name), "SRV"])?, &format!("0 5 2380 {}.", first.name))?;
    is("A of the second", &rig.dig(&[&second.name, "A"])?, &second.addresses[0].to_string())?;
    rig.dns().remove_entries(&entries("rack \"r2\""), &us()).await?;
    rig.dns().remove(&first.name, &us()).await?;
    rig.dns().remove(&second.name, &us()).await?;
    is("the zone", &rig.zone("lab.test")?, &before)
}

pub(crate) async fn records_of_a_service_of_many_nodes_stand_side_by_side<Z: Zones>(
    rig: &Arc<Z>,
) -> Result<(), Failure> {
    let nodes: Vec<HostName> = (0..20).map(|_| rig.fresh()).collect();
    let of = |node: &HostName| {
        let data = EntryData::Srv { priority: 0, weight: 0, port: 6789, target: node.name.clone() };
        Entry { name: "_ceph-mon._tcp.lab.test".to_owned(), ttl: None, data }
    };
    let tasks: Vec<_> = nodes
        .iter()
        .map(|node| {
            let (dns, entry, node) = (Arc::clone(&rig.dns()), of(node), node.clone());
            tokio::spawn(async move { dns.ensure_all(&[node], &[entry], &us()).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let shown = rig.dig(&["_ceph-mon._tcp.lab.test", "SRV", "+tcp"])?;
    is("how many answer", &shown.lines().count().to_string(), "20")?;
    rig.dns().remove_entries(&[of(&nodes[0])], &us()).await?;
    let shown = rig.dig(&["_ceph-mon._tcp.lab.test", "SRV", "+tcp"])?;
    is("how many answer", &shown.lines().count().to_string(), "19")
}

pub(crate) async fn a_service_whose_nodes_come_and_go_at_once_keeps_its_mark_until_the_last_one_is_gone<Z: Zones>(
    rig: &Arc<Z>,
) -> Result<(), Failure> {
    const AT: &str = "_turn._tcp.lab.test";
    let before = rig.zone("lab.test")?;
    let entry = |number: u16| {
        let data = EntryData::Srv { priority: 0, weight: 0, port: number, target: "www.lab.test".to_owned() };
        Entry { name: AT.to_owned(), ttl: None, data }
    };
    let change = |number: u16, comes: bool| {
        let (dns, entry) = (rig.dns(), entry(number));
        tokio::spawn(async move {
            // Whoever loses several races in a row tries again, as a step does.
            for _ in 0..20 {
                let done = if comes {
                    dns.ensure_all(&[], std::slice::from_ref(&entry), &us()).await
                } else {
                    dns.remove_entries(std::slice::from_ref(&entry), &us()).await
                };
                match done {
                    Err(error) if error.kind() == ErrorKind::Busy => {}
                    done => return done,
                }
            }
            Ok(())
        })
    };
    // The nodes of each turn come while those before them leave.
    for (leave, come) in [(0..0, 0..30), (0..30, 30..60), (30..60, 60..90)] {
        let leave = leave.map(|number| change(number, false));
        for task in leave.chain(come.map(|number| change(number, true))).collect::<Vec<_>>() {
            task.await??;
        }
        let shown = rig.dig(&[AT, "SRV", "+tcp"])?;
        is("how many answer", &shown.lines().count().to_string(), "30")?;
        is("the mark", &rig.dig(&[&format!("_dip.{AT}"), "TXT"])?, "\"site=conformance\"")?;
    }
    for task in (60..90).map(|number| change(number, false)).collect::<Vec<_>>() {
        task.await??;
    }
    is("the zone", &rig.zone("lab.test")?, &before)
}

pub(crate) async fn an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made<Z: Zones>(
    rig: &Arc<Z>,
) -> Result<(), Failure> {
    let wanted = rig.fresh();
    let before = rig.zone("lab.test")?;
    let data = EntryData::Cname(wanted.name.clone());
    let entry = Entry { name: "shop.lab.test".to_owned(), ttl: None, data };
    let made = rig.dns().ensure_all(&[wanted], &[entry], &us()).await;
    refused(made, ErrorKind::Conflict, "shop.lab.test has records without a mark")?;
    is("the zone", &rig.zone("lab.test")?, &before)
}

pub(crate) async fn a_name_outside_of_all_zones_is_told<Z: Zones>(rig: &Arc<Z>) -> Result<(), Failure> {
    let wanted = HostName { name: "n1.example.org".to_owned(), ..rig.fresh() };
    refused(rig.dns().ensure(&wanted, &us()).await, ErrorKind::Invalid, "has no zone for n1.example.org")
}
