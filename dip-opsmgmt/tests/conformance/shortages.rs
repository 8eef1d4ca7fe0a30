//! DNS servers that withhold something: the right to transfer a zone, room in it or on the disk, and time. What can be done is done,
//! what cannot is told as what it is, and nothing foreign changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial};
use dip_core::provider::{ErrorKind, Retry, sentence};
use dip_lab::{Requirement, Transfers, ZoneLimits};
use dip_opsmgmt::provider::{Dns, Entry, EntryData, HostName};
use dip_opsmgmt::settings::Rfc2136Settings;

use crate::primary::{Primary, provider, settings};
use crate::slow_way::{Late, SlowWay};
use crate::{is, tried, wait};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (server, requirement) in [("bind", Requirement::Bind), ("knot", Requirement::Knot)] {
        let closed = move || tried(requirement, no_transfers(requirement));
        trials.push(
            Trial::new("that_lets_nobody_transfer_is_asked_for_each_name_and_says_what_to_allow", closed).on(server),
        );
        let full = move || tried(requirement, full_zone(requirement));
        trials.push(Trial::new("whose_zone_is_as_large_as_it_may_be_says_so_and_takes_what_fits", full).on(server));
        let no_room = move || tried(requirement, full_disk(requirement));
        trials.push(Trial::new("whose_disk_is_full_is_told_and_goes_on_when_there_is_room", no_room).on(server));
        let slow = move || tried(requirement, slow(requirement));
        trials.push(Trial::new("that_answers_late_makes_all_and_what_is_too_late_is_found", slow).on(server));
    }
    trials
}

fn node(number: u16) -> HostName {
    let [high, low] = number.to_be_bytes();
    HostName { name: format!("s{number}.lab.test"), addresses: vec![[10, 8, high, low].into()] }
}

/// A service of a node, at a name that it shares with others: BIND lets a name have 100 of a type (`max-records-per-type`).
fn service(number: u16) -> Entry {
    let data = EntryData::Srv { priority: 0, weight: 0, port: 1, target: node(number).name };
    Entry { name: format!("_s{}._tcp.lab.test", number / SHARED), ttl: None, data }
}

/// So many nodes share the name of a service.
const SHARED: u16 = 50;

/// All nodes of a service answer at its name.
fn are_served(primary: &Primary, nodes: u16) -> Result<(), Failure> {
    for first in (0..nodes).step_by(usize::from(SHARED)) {
        is("how many answer", &served(primary, first)?.to_string(), &SHARED.to_string())?;
    }
    Ok(())
}

/// How many nodes answer at the name of a node's service.
fn served(primary: &Primary, number: u16) -> Result<usize, Failure> {
    Ok(wait(primary.dig(&[&service(number).name, "SRV", "+tcp"]))?.lines().count())
}

/// What came of many nodes that were asked for at once.
#[derive(Default)]
struct Made {
    made: BTreeSet<u16>,
    failed: Vec<(u16, ErrorKind, Retry, String)>,
}

impl Made {
    /// All that failed must have failed as this.
    fn failed_as(&self, kind: ErrorKind, retry: Retry, words: &str) -> Result<(), Failure> {
        match self.failed.iter().find(|(_, k, r, told)| (*k, *r) != (kind, retry) || !told.contains(words)) {
            _ if self.failed.is_empty() => Err("nothing failed".into()),
            Some((_, kind, retry, told)) => Err(format!("it failed as {kind} ({retry:?}): {told}").into()),
            None => Ok(()),
        }
    }

    fn all(&self, count: usize) -> Result<(), Failure> {
        is("what fails", self.failed.first().map_or("", |(_, _, _, told)| told), "")?;
        is("how many are made", &self.made.len().to_string(), &count.to_string())
    }
}

async fn make(dns: &Arc<dyn Dns>, numbers: impl IntoIterator<Item = u16>) -> Made {
    let tasks: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            let dns = Arc::clone(dns);
            tokio::spawn(async move { (number, dns.ensure_all(&[node(number)], &[service(number)], &us()).await) })
        })
        .collect();
    let mut all = Made::default();
    for task in tasks {
        match task.await.expect("it does not panic") {
            (number, Ok(())) => drop(all.made.insert(number)),
            (number, Err(error)) => all.failed.push((number, error.kind(), error.retry(), sentence(&error))),
        }
    }
    all
}

/// What others have in the zone, name by name, so that it can also be seen where nobody may transfer it.
fn foreign(primary: &Primary) -> Result<String, Failure> {
    let asked = [["www", "A"], ["mail", "A"], ["shop", "CNAME"], ["", "MX"], ["", "NS"]];
    let mut all = String::new();
    for [name, kind] in asked {
        let name = format!("{name}.lab.test").trim_start_matches('.').to_owned();
        all += &wait(primary.dig(&[&name, kind]))?;
    }
    is("how much that is", &all.lines().count().to_string(), "5")?;
    Ok(all)
}

fn is_made(primary: &Primary, number: u16) -> Result<(), Failure> {
    let HostName { name, addresses } = node(number);
    is(&name, wait(primary.dig(&[&name, "A"]))?.trim(), &addresses[0].to_string())?;
    is("its reverse name", wait(primary.dig(&["-x", &addresses[0].to_string()]))?.trim(), &format!("{name}."))
}

async fn no_transfers(requirement: Requirement) -> Result<(), Failure> {
    let limits = ZoneLimits { transfers: Transfers::Nobody, ..ZoneLimits::default() };
    let primary = wait(Primary::with(requirement, limits))?;
    let (settings, before) = (settings(&primary, &[]), foreign(&primary)?);
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings, primary.key().2)?);
    // More than are asked one by one where a transfer may be had.
    make(&dns, 0..200).await.all(200)?;
    for number in [0, 99, 199] {
        is_made(&primary, number)?;
    }
    // The same again looks at all of them, and at once.
    make(&dns, 0..200).await.all(200)?;
    are_served(&primary, 200)?;
    refused(dns.owned("lab.test", &us()).await, ErrorKind::Unsupported, "let the key transfer the zone lab.test")?;
    refused(dns.names("lab.test").await, ErrorKind::Unsupported, "`allow-transfer` in BIND")?;
    is("what others wrote", &foreign(&primary)?, &before)
}

async fn full_zone(requirement: Requirement) -> Result<(), Failure> {
    // Room for some of forty nodes: BIND counts records, Knot bytes.
    let (largest_zone, words) =
        if requirement == Requirement::Knot { (4_000, "zone-max-size") } else { (60, "max-records") };
    let limits = ZoneLimits { largest_zone: Some(largest_zone), ..ZoneLimits::default() };
    let primary = wait(Primary::with(requirement, limits))?;
    let (settings, before) = (settings(&primary, &[]), foreign(&primary)?);
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings, primary.key().2)?);
    let some = make(&dns, 0..40).await;
    let (kind, retry) = if requirement == Requirement::Knot {
        (ErrorKind::Denied, Retry::Never)
    } else {
        (ErrorKind::Unexpected, Retry::Backoff)
    };
    some.failed_as(kind, retry, words)?;
    if some.made.is_empty() {
        return Err("nothing was made, though some fit".into());
    }
    for number in &some.made {
        is_made(&primary, *number)?;
    }
    for (number, ..) in &some.failed {
        let half = wait(primary.dig(&[&node(*number).name, "ANY", "+tcp"]))?;
        is("what is of a node that did not fit", half.trim(), "")?;
    }
    // Others fit when some make room.
    let gone: Vec<u16> = some.made.iter().copied().take(2).collect();
    for number in &gone {
        dns.remove_entries(&[service(*number)], &us()).await?;
        dns.remove(&node(*number).name, &us()).await?;
    }
    make(&dns, some.failed.iter().map(|(number, ..)| *number).take(gone.len())).await.all(gone.len())?;
    is("what others wrote", &foreign(&primary)?, &before)
}

async fn full_disk(requirement: Requirement) -> Result<(), Failure> {
    // Each journal has some records, and no room for those of hundreds of nodes. Knot's database takes more from the start.
    let journal_disk = Some(if requirement == Requirement::Knot { 120 } else { 24 });
    let primary = wait(Primary::with(requirement, ZoneLimits { journal_disk, ..ZoneLimits::default() }))?;
    let (settings, before) = (settings(&primary, &[]), foreign(&primary)?);
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings, primary.key().2)?);
    let began = Instant::now();
    let some = make(&dns, 0..400).await;
    some.failed_as(ErrorKind::Unexpected, Retry::Backoff, "its disk may be full")?;
    if began.elapsed() > Duration::from_secs(30) {
        return Err("a full disk takes dip half a minute".into());
    }
    for number in some.made.iter().take(20) {
        is_made(&primary, *number)?;
    }
    is("what others wrote", &foreign(&primary)?, &before)?;
    wait(primary.enlarge_journal_disk(65_536))?;
    make(&dns, 0..400).await.all(400)?;
    for number in [0, 200, 399] {
        is_made(&primary, number)?;
    }
    are_served(&primary, 400)?;
    is("what others wrote", &foreign(&primary)?, &before)
}

async fn slow(requirement: Requirement) -> Result<(), Failure> {
    let primary = wait(Primary::start(requirement))?;
    let before = foreign(&primary)?;
    let way = SlowWay::to(primary.addr()).await?;
    let settings = Rfc2136Settings { server: way.addr.to_string(), ..settings(&primary, &[]) };
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings, primary.key().2)?);
    way.late_by(Late::All, Duration::from_millis(20));
    make(&dns, 0..50).await.all(50)?;
    // Later than anybody waits for: the change is made, and its answer is lost.
    way.late_by(Late::Updates, Duration::from_secs(20));
    let late = make(&dns, 50..60).await;
    late.failed_as(ErrorKind::Unreachable, Retry::Backoff, "did not answer within 8s")?;
    // What is of one zone alone is changed by its first message.
    refused(dns.ensure_all(&[], &[service(50)], &us()).await, ErrorKind::Unreachable, "did not answer within 8s")?;
    is("what was made of which the answer was lost", &served(&primary, 50)?.to_string(), "1")?;
    way.late_by(Late::All, Duration::ZERO);
    for _ in 0..2 {
        make(&dns, 0..60).await.all(60)?;
    }
    for number in [0, 49, 50, 59] {
        is_made(&primary, number)?;
    }
    is("what others wrote", &foreign(&primary)?, &before)
}
