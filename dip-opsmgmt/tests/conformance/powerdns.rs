//! PowerDNS under trial; dig and pdnsutil tell what really came of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::provider::ErrorKind;
use dip_core::secret::{Secret, SecretRef};
use dip_lab::{PowerDns as Lab, Requirement, Zone};
use dip_opsmgmt::conformance::{self, DnsHarness};
use dip_opsmgmt::provider::{Dns, Entry, EntryData, HostName};
use dip_opsmgmt::providers::powerdns::PowerDns;
use dip_opsmgmt::settings::PowerDnsSettings;

use crate::primary::arpa;
use crate::{is, refused, wait};

const SERVER: &str = "powerdns";

struct Rig {
    lab: Lab,
    provider: Arc<PowerDns>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    if let Err(missing) = Requirement::PowerDns.check() {
        return vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on(SERVER)];
    }
    let rig = match Rig::start().await {
        Ok(rig) => Arc::new(rig),
        Err(failure) => return vec![Trial::new("it_starts", move || async move { Err(failure) }).on(SERVER)],
    };
    let mut trials = conformance::dns(Arc::clone(&rig) as Arc<dyn DnsHarness>);
    macro_rules! further {
        ($($name:ident)*) => {$({
            let rig = Arc::clone(&rig);
            trials.push(Trial::new(stringify!($name), move || async move { $name(&rig).await.map(|()| Verdict::Passed) }));
        })*};
    }
    further! {
        dig_sees_the_name_in_both_directions
        every_foreign_record_is_as_before_after_a_name_was_made_and_removed
        names_in_two_zones_at_once_never_lock_the_database
        a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it
        records_of_a_service_of_many_nodes_stand_side_by_side
        an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made
        a_name_outside_of_all_zones_is_told
        a_server_without_an_api_is_told
    }
    trials.into_iter().map(|trial| trial.on(SERVER)).collect()
}

impl Rig {
    async fn start() -> Result<Self, Failure> {
        let records = ["www 60 IN A 10.9.9.9", "@ 60 IN MX 10 mail", "mail 60 IN A 10.9.9.10", "shop 60 IN CNAME www"];
        let lab = records.iter().fold(Zone::empty("lab.test"), |zone, record| zone.with(record));
        let zones = [lab, Zone::empty("10.in-addr.arpa"), Zone::empty("0.0.0.0.3.9.d.f.ip6.arpa")];
        let lab = Lab::start(&zones).await?;
        let provider = Arc::new(provider(&format!("http://{}", lab.api), &lab.api_key)?);
        Ok(Self { lab, provider, numbers: AtomicU16::new(1) })
    }

    fn zone(&self, zone: &str) -> Result<String, Failure> {
        let text = wait(self.lab.list(zone))?;
        let mut lines: Vec<_> = text.lines().filter(|line| !line.contains("SOA")).collect();
        lines.sort_unstable();
        Ok(lines.join("\n"))
    }

    fn dig(&self, query: &[&str]) -> Result<String, Failure> {
        Ok(wait(self.lab.dig(query))?.trim().to_owned())
    }
}

fn provider(url: &str, key: &str) -> Result<PowerDns, Failure> {
    let unused = SecretRef::File(PathBuf::from("unused"));
    let settings = PowerDnsSettings {
        url: url.to_owned(),
        key: unused,
        server: "localhost".to_owned(),
        ttl: 60,
        names: Vec::new(),
    };
    Ok(PowerDns::new(&settings, &Secret::new(key.to_owned()))?)
}

#[async_trait]
impl DnsHarness for Rig {
    fn dns(&self) -> Arc<dyn Dns> {
        Arc::clone(&self.provider) as Arc<dyn Dns>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>> {
        let url = format!("http://{}", self.lab.api);
        Some(Arc::new(provider(&url, "not-the-key").expect("the settings are sound")))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dns>> {
        Some(Arc::new(provider("http://127.0.0.1:1", "unused").expect("the settings are sound")))
    }

    fn fresh(&self) -> HostName {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        let addresses = vec![
            IpAddr::V4(Ipv4Addr::new(10, 1, high, low)),
            IpAddr::V6(Ipv6Addr::new(0xfd93, 0, 0, 0, 0, 0, 0, number)),
        ];
        HostName { name: format!("h{number}.lab.test"), addresses }
    }

    async fn seed_unmarked(&self, name: &HostName) -> Result<Option<()>, Failure> {
        let below = |name: &str, zone: &str| name.strip_suffix(zone).map(|name| name.trim_end_matches('.').to_owned());
        let short = below(&name.name, "lab.test").ok_or("a name of lab.test")?;
        for address in &name.addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            wait(self.lab.add(["lab.test", &short, kind, "60", &address.to_string()]))?;
            let zone = if address.is_ipv4() { "10.in-addr.arpa" } else { "0.0.0.0.3.9.d.f.ip6.arpa" };
            let at = below(&arpa(*address), zone).ok_or("a name of the reverse zone")?;
            wait(self.lab.add([zone, &at, "PTR", "60", &format!("{}.", name.name)]))?;
        }
        Ok(Some(()))
    }

    async fn seed_other_type(&self, name: &str) -> Result<Option<()>, Failure> {
        let short = name.strip_suffix(".lab.test").ok_or("a name of lab.test")?;
        wait(self.lab.add(["lab.test", short, "MX", "60", "10 mail.lab.test."]))?;
        Ok(Some(()))
    }
}

async fn dig_sees_the_name_in_both_directions(rig: &Rig) -> Result<(), Failure> {
    let wanted = rig.fresh();
    rig.provider.ensure(&wanted, &us()).await?;
    let (v4, v6) = (wanted.addresses[0].to_string(), wanted.addresses[1].to_string());
    is("A", &rig.dig(&[&wanted.name, "A"])?, &v4)?;
    is("AAAA", &rig.dig(&[&wanted.name, "AAAA"])?, &v6)?;
    is("the mark", &rig.dig(&[&format!("_dip.{}", wanted.name), "TXT"])?, "\"site=conformance\"")?;
    is("PTR", &rig.dig(&["-x", &v4])?, &format!("{}.", wanted.name))?;
    is("PTR", &rig.dig(&["-x", &v6])?, &format!("{}.", wanted.name))
}

async fn every_foreign_record_is_as_before_after_a_name_was_made_and_removed(rig: &Rig) -> Result<(), Failure> {
    let zones = ["lab.test", "10.in-addr.arpa", "0.0.0.0.3.9.d.f.ip6.arpa"];
    let (wanted, changed) = (rig.fresh(), rig.fresh());
    let before = zones.map(|zone| rig.zone(zone));
    rig.provider.ensure(&wanted, &us()).await?;
    rig.provider.ensure(&HostName { name: wanted.name.clone(), ..changed }, &us()).await?;
    for (taken, holder) in [("www.lab.test", "10.9.9.9"), ("shop.lab.test", "another type")] {
        let taken = HostName { name: taken.to_owned(), ..wanted.clone() };
        refused(rig.provider.ensure(&taken, &us()).await, ErrorKind::Conflict, holder)?;
    }
    rig.provider.remove(&wanted.name, &us()).await?;
    for (zone, before) in zones.into_iter().zip(before) {
        is(zone, &rig.zone(zone)?, &before?)?;
    }
    Ok(())
}

/// Each name writes into three zones of one database.
async fn names_in_two_zones_at_once_never_lock_the_database(rig: &Rig) -> Result<(), Failure> {
    let names: Vec<HostName> = (0..200).map(|_| rig.fresh()).collect();
    let tasks: Vec<_> = names
        .into_iter()
        .map(|name| {
            let dns = Arc::clone(&rig.provider);
            tokio::spawn(async move { dns.ensure(&name, &us()).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn a_name_outside_of_all_zones_is_told(rig: &Rig) -> Result<(), Failure> {
    let wanted = HostName { name: "n1.example.org".to_owned(), ..rig.fresh() };
    refused(rig.provider.ensure(&wanted, &us()).await, ErrorKind::Invalid, "has no zone for n1.example.org")
}

async fn a_server_without_an_api_is_told(rig: &Rig) -> Result<(), Failure> {
    let elsewhere = provider(&format!("http://{}/elsewhere", rig.lab.api), &rig.lab.api_key)?;
    refused(elsewhere.name("n1.lab.test").await, ErrorKind::Unsupported, "there is no API of PowerDNS")
}

async fn a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it(rig: &Rig) -> Result<(), Failure> {
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
        rig.provider.ensure_all(&names, &entries(text), &us()).await?;
        let shown = format!("\"{}\"", text.replace('"', "\\\""));
        is("TXT", &rig.dig(&[&first.name, "TXT"])?, &shown)?;
    }
    is("CNAME", &rig.dig(&[&format!("alias-of-{}", first.name), "CNAME"])?, &format!("{}.", first.name))?;
    is("SRV", &rig.dig(&[&format!("_of-{}", first.name), "SRV"])?, &format!("0 5 2380 {}.", first.name))?;
    is("A of the second", &rig.dig(&[&second.name, "A"])?, &second.addresses[0].to_string())?;
    rig.provider.remove_entries(&entries("rack \"r2\""), &us()).await?;
    rig.provider.remove(&first.name, &us()).await?;
    rig.provider.remove(&second.name, &us()).await?;
    is("the zone", &rig.zone("lab.test")?, &before)
}

async fn records_of_a_service_of_many_nodes_stand_side_by_side(rig: &Rig) -> Result<(), Failure> {
    let nodes: Vec<HostName> = (0..20).map(|_| rig.fresh()).collect();
    let of = |node: &HostName| {
        let data = EntryData::Srv { priority: 0, weight: 0, port: 6789, target: node.name.clone() };
        Entry { name: "_ceph-mon._tcp.lab.test".to_owned(), ttl: None, data }
    };
    let tasks: Vec<_> = nodes
        .iter()
        .map(|node| {
            let (dns, entry, node) = (Arc::clone(&rig.provider), of(node), node.clone());
            tokio::spawn(async move { dns.ensure_all(&[node], &[entry], &us()).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let shown = rig.dig(&["_ceph-mon._tcp.lab.test", "SRV", "+tcp"])?;
    is("how many answer", &shown.lines().count().to_string(), "20")?;
    rig.provider.remove_entries(&[of(&nodes[0])], &us()).await?;
    let shown = rig.dig(&["_ceph-mon._tcp.lab.test", "SRV", "+tcp"])?;
    is("how many answer", &shown.lines().count().to_string(), "19")
}

async fn an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made(rig: &Rig) -> Result<(), Failure> {
    let wanted = rig.fresh();
    let before = rig.zone("lab.test")?;
    let data = EntryData::Cname(wanted.name.clone());
    let entry = Entry { name: "shop.lab.test".to_owned(), ttl: None, data };
    let made = rig.provider.ensure_all(&[wanted], &[entry], &us()).await;
    refused(made, ErrorKind::Conflict, "shop.lab.test has records without a mark")?;
    is("the zone", &rig.zone("lab.test")?, &before)
}
