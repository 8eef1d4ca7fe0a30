//! The trials of a DNS service's further records: aliases, services and texts.

use std::sync::Arc;

use dip_core::conformance::expect::{fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::ErrorKind;

use super::dns::DnsHarness;
use crate::provider::{Dns, Entry, EntryData, HeldEntries, HostName};

type Harness = Arc<dyn DnsHarness>;

pub(super) fn further(harness: &Harness) -> Vec<Trial> {
    trials![harness;
        further_records_of_a_node_are_made_and_looked_up
        a_record_that_is_no_longer_asked_for_is_taken_away
        a_record_that_somebody_wrote_beside_ours_stays
        a_record_at_a_name_that_is_no_longer_ours_stays
        a_service_is_at_another_port
        an_alias_moves_to_another_node
        records_of_a_service_of_many_nodes_come_and_go_one_by_one
        a_record_at_a_name_of_somebody_else_is_a_conflict_and_nothing_is_made
        all_records_go_with_their_node
    ]
}

/// An alias, a service and a text of a node, at names that it alone has.
struct Records {
    node: HostName,
    alias: Entry,
    service: Entry,
    text: Entry,
}

impl Records {
    fn of(node: HostName) -> Self {
        let host = node.name.clone();
        let text = entry(&host, EntryData::Txt("rack \"r1\"; a text of two  blanks".to_owned()));
        Self {
            alias: entry(&format!("alias-of-{host}"), EntryData::Cname(host.clone())),
            service: service(&format!("_s._tcp-of-{host}"), 2380, &node),
            text,
            node,
        }
    }

    fn all(&self) -> Vec<Entry> {
        let mut all = vec![self.alias.clone(), self.service.clone(), self.text.clone()];
        all.sort_unstable();
        all
    }
}

fn entry(name: &str, data: EntryData) -> Entry {
    Entry { name: name.to_owned(), ttl: None, data }
}

fn service(name: &str, port: u16, node: &HostName) -> Entry {
    entry(name, EntryData::Srv { priority: 0, weight: 5, port, target: node.name.clone() })
}

/// Why the trials cannot be; `None` where they can.
async fn without(harness: &Harness) -> Result<Option<Result<Verdict, Failure>>, Failure> {
    match harness.dns().made(&harness.fresh().name, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Some(ignored("the service has no further records"))),
        made => Ok(made.map(|_| None)?),
    }
}

/// Ends a trial of a service without further records.
macro_rules! needs_further {
    ($harness:expr) => {
        if let Some(verdict) = without(&$harness).await? {
            return verdict;
        }
    };
}

/// What must stand at a name, with our mark; nothing at all where that is nothing.
async fn stand(dns: &dyn Dns, name: &str, data: &[&EntryData]) -> Result<(), Failure> {
    let mut data: Vec<EntryData> = data.iter().map(|one| (*one).clone()).collect();
    data.sort_unstable();
    let wanted = (!data.is_empty()).then(|| HeldEntries { data, owner: Some(us()) });
    same(&format!("what stands at {name}"), &dns.entries(name).await?, &wanted)
}

async fn further_records_of_a_node_are_made_and_looked_up(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    same("what was made before", &dns.made(&of.node.name, &us()).await?, &None)?;
    for _ in 0..2 {
        dns.ensure_all(std::slice::from_ref(&of.node), &of.all(), &us()).await?;
        for entry in [&of.alias, &of.service, &of.text] {
            stand(&*dns, &entry.name, &[&entry.data]).await?;
        }
        same("what was made", &dns.made(&of.node.name, &us()).await?, &Some(of.all()))?;
    }
    same("what another site made", &dns.made(&of.node.name, &them()).await?, &None)?;
    let alias = dns.name(&of.alias.name).await?.map(|held| (held.addresses, held.owner));
    same("the alias as a name", &alias, &Some((Vec::new(), Some(us()))))?;
    Ok(Verdict::Passed)
}

async fn a_record_that_is_no_longer_asked_for_is_taken_away(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    let names = std::slice::from_ref(&of.node);
    let mut left = of.all();
    dns.ensure_all(names, &left, &us()).await?;
    while let Some(gone) = left.pop() {
        for _ in 0..2 {
            dns.ensure_all(names, &left, &us()).await?;
        }
        if gone.name == of.node.name {
            // The node's own name has its addresses and their mark.
            same("its texts", &dns.entries(&gone.name).await?.map(|held| held.data), &Some(Vec::new()))?;
        } else {
            stand(&*dns, &gone.name, &[]).await?;
        }
        same("what is left on the list", &dns.made(&of.node.name, &us()).await?, &Some(left.clone()))?;
    }
    let held = dns.name(&of.node.name).await?.map(|held| held.owner);
    same("whose the node's name is", &held, &Some(Some(us())))?;
    // Nobody holds the names any more.
    let theirs = HostName { name: of.alias.name.clone(), ..harness.fresh() };
    dns.ensure(&theirs, &them()).await?;
    Ok(Verdict::Passed)
}

async fn a_record_that_somebody_wrote_beside_ours_stays(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    let names = std::slice::from_ref(&of.node);
    let (text, service) = (
        entry(&of.node.name, EntryData::Txt("v=spf1 -all".to_owned())),
        service(&of.service.name, 9, &harness.fresh()),
    );
    dns.ensure_all(names, &of.all(), &us()).await?;
    for entry in [&text, &service] {
        if harness.seed_entry(entry).await?.is_none() {
            return ignored("no further record without a mark can be written into the service");
        }
    }
    let other = entry(&of.node.name, EntryData::Txt("rack r2".to_owned()));
    dns.ensure_all(names, &[other.clone(), of.service.clone()], &us()).await?;
    stand(&*dns, &of.node.name, &[&other.data, &text.data]).await?;
    stand(&*dns, &of.service.name, &[&of.service.data, &service.data]).await?;
    dns.ensure_all(names, &[], &us()).await?;
    stand(&*dns, &of.node.name, &[&text.data]).await?;
    stand(&*dns, &of.service.name, &[&service.data]).await?;
    Ok(Verdict::Passed)
}

async fn a_record_at_a_name_that_is_no_longer_ours_stays(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    let names = std::slice::from_ref(&of.node);
    dns.ensure_all(names, &of.all(), &us()).await?;
    dns.disown(&of.alias.name, &us()).await?;
    dns.ensure_all(names, &[], &us()).await?;
    let held = dns.entries(&of.alias.name).await?;
    same("the alias", &held, &Some(HeldEntries { data: vec![of.alias.data.clone()], owner: None }))?;
    stand(&*dns, &of.service.name, &[]).await?;
    Ok(Verdict::Passed)
}

async fn a_service_is_at_another_port(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    let names = std::slice::from_ref(&of.node);
    dns.ensure_all(names, &of.all(), &us()).await?;
    let other = service(&of.service.name, 3300, &of.node);
    dns.ensure_all(names, std::slice::from_ref(&other), &us()).await?;
    stand(&*dns, &other.name, &[&other.data]).await?;
    same("what was made", &dns.made(&of.node.name, &us()).await?, &Some(vec![other]))?;
    Ok(Verdict::Passed)
}

async fn an_alias_moves_to_another_node(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let dns = harness.dns();
    for former_first in [false, true] {
        let (former, latter) = (Records::of(harness.fresh()), Records::of(harness.fresh()));
        let moved = Entry { name: former.alias.name.clone(), ..latter.alias.clone() };
        dns.ensure_all(std::slice::from_ref(&former.node), std::slice::from_ref(&former.alias), &us()).await?;
        let (former, latter) = (std::slice::from_ref(&former.node), std::slice::from_ref(&latter.node));
        if former_first {
            dns.ensure_all(former, &[], &us()).await?;
        }
        dns.ensure_all(latter, std::slice::from_ref(&moved), &us()).await?;
        dns.ensure_all(former, &[], &us()).await?;
        stand(&*dns, &moved.name, &[&moved.data]).await?;
        same("what is of the former", &dns.made(&former[0].name, &us()).await?, &Some(Vec::new()))?;
    }
    Ok(Verdict::Passed)
}

async fn records_of_a_service_of_many_nodes_come_and_go_one_by_one(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let nodes: Vec<HostName> = (0..8).map(|_| harness.fresh()).collect();
    let name = format!("_many._tcp-of-{}", nodes[0].name);
    let all: Vec<Entry> = nodes.iter().map(|node| service(&name, 6789, node)).collect();
    // One half is there before, and goes while the other half comes.
    let half = nodes.len() / 2;
    for round in 0..2 {
        let tasks: Vec<_> = (0..nodes.len())
            .map(|number| {
                let wanted = if (number < half) == (round == 0) { vec![all[number].clone()] } else { Vec::new() };
                let (dns, node) = (harness.dns(), nodes[number].clone());
                tokio::spawn(async move { dns.ensure_all(&[node], &wanted, &us()).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let there = if round == 0 { &all[..half] } else { &all[half..] };
        stand(&*harness.dns(), &name, &there.iter().map(|entry| &entry.data).collect::<Vec<_>>()).await?;
    }
    for node in &nodes {
        harness.dns().ensure_all(std::slice::from_ref(node), &[], &us()).await?;
    }
    stand(&*harness.dns(), &name, &[]).await?;
    Ok(Verdict::Passed)
}

async fn a_record_at_a_name_of_somebody_else_is_a_conflict_and_nothing_is_made(
    harness: Harness,
) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of, theirs) = (harness.dns(), Records::of(harness.fresh()), Records::of(harness.fresh()));
    dns.ensure_all(std::slice::from_ref(&theirs.node), &theirs.all(), &them()).await?;
    let by_hand = entry(&format!("hand-of-{}", of.node.name), EntryData::Cname(theirs.node.name.clone()));
    let mut taken = vec![theirs.alias.name.clone(), theirs.service.name.clone()];
    if harness.seed_entry(&by_hand).await?.is_some() {
        taken.push(by_hand.name.clone());
    }
    for name in taken {
        let before = dns.entries(&name).await?;
        let wanted = vec![of.text.clone(), service(&name, 80, &of.node)];
        let made = dns.ensure_all(std::slice::from_ref(&of.node), &wanted, &us()).await;
        fails("a record there", made, ErrorKind::Conflict)?;
        dns.remove_entries(&theirs.all(), &us()).await?;
        same(&name, &dns.entries(&name).await?, &before)?;
        same("the node's name", &dns.name(&of.node.name).await?, &None)?;
    }
    Ok(Verdict::Passed)
}

async fn all_records_go_with_their_node(harness: Harness) -> Result<Verdict, Failure> {
    needs_further!(harness);
    let (dns, of) = (harness.dns(), Records::of(harness.fresh()));
    let names = std::slice::from_ref(&of.node);
    for _ in 0..2 {
        dns.ensure_all(names, &of.all(), &us()).await?;
        let made = dns.made(&of.node.name, &us()).await?.unwrap_or_default();
        for _ in 0..2 {
            dns.remove_entries(&made, &us()).await?;
            dns.remove(&of.node.name, &us()).await?;
        }
        for entry in of.all() {
            same(&entry.name, &dns.entries(&entry.name).await?, &None)?;
        }
        same("what was made", &dns.made(&of.node.name, &us()).await?, &None)?;
    }
    // A node that comes back has nothing but what it asks for.
    dns.ensure_all(names, std::slice::from_ref(&of.alias), &us()).await?;
    same("what was made", &dns.made(&of.node.name, &us()).await?, &Some(vec![of.alias]))?;
    Ok(Verdict::Passed)
}
