//! PowerDNS under trial; dig and pdnsutil tell what really came of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::provider::ErrorKind;
use dip_core::secret::{Secret, SecretRef};
use dip_lab::{PowerDns as Lab, Requirement, Zone};
use dip_opsmgmt::conformance::{self, DnsHarness};
use dip_opsmgmt::provider::{Dns, Entry, EntryData, HostName};
use dip_opsmgmt::providers::powerdns::PowerDns;
use dip_opsmgmt::settings::PowerDnsSettings;

use crate::primary::arpa;
use crate::wait;
use crate::zones::{
    Zones, a_name_outside_of_all_zones_is_told,
    a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it,
    a_service_whose_nodes_come_and_go_at_once_keeps_its_mark_until_the_last_one_is_gone,
    an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made, dig_sees_the_name_in_both_directions,
    every_foreign_record_is_as_before_after_a_name_was_made_and_removed,
    records_of_a_service_of_many_nodes_stand_side_by_side,
};

const SERVER: &str = "powerdns";

struct Rig {
    lab: Lab,
    provider: Arc<PowerDns>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::PowerDns.check(), Rig::start(), |rig| {
        let mut trials = conformance::dns(Arc::clone(&rig) as Arc<dyn DnsHarness>);
        trials.extend(trials_of! {rig;
            dig_sees_the_name_in_both_directions
            every_foreign_record_is_as_before_after_a_name_was_made_and_removed
            names_in_two_zones_at_once_never_lock_the_database
            a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it
            records_of_a_service_of_many_nodes_stand_side_by_side
            a_service_whose_nodes_come_and_go_at_once_keeps_its_mark_until_the_last_one_is_gone
            an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made
            a_name_outside_of_all_zones_is_told
            a_server_without_an_api_is_told
        });
        trials
    })
    .await
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

impl Zones for Rig {
    fn dig(&self, query: &[&str]) -> Result<String, Failure> {
        Ok(wait(self.lab.dig(query))?.trim().to_owned())
    }

    fn list(&self, zone: &str) -> Result<String, Failure> {
        Ok(wait(self.lab.list(zone))?)
    }
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

    async fn seed_entry(&self, entry: &Entry) -> Result<Option<()>, Failure> {
        let short = entry.name.strip_suffix(".lab.test").ok_or("a name of lab.test")?;
        let (kind, says) = match &entry.data {
            EntryData::Cname(to) => ("CNAME", format!("{to}.")),
            EntryData::Srv { priority, weight, port, target } => {
                ("SRV", format!("{priority} {weight} {port} {target}."))
            }
            EntryData::Txt(text) => ("TXT", format!("\"{text}\"")),
        };
        wait(self.lab.add(["lab.test", short, kind, "60", &says]))?;
        Ok(Some(()))
    }
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

async fn a_server_without_an_api_is_told(rig: &Rig) -> Result<(), Failure> {
    let elsewhere = provider(&format!("http://{}/elsewhere", rig.lab.api), &rig.lab.api_key)?;
    refused(elsewhere.name("n1.lab.test").await, ErrorKind::Unsupported, "there is no API of PowerDNS")
}
