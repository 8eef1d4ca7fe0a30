//! BIND and Knot under trial; dig and zone transfers tell what really came of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::id::{LayerId, ServiceName, SiteName};
use dip_core::operation::Check;
use dip_core::provider::{ErrorKind, Ipam, Providers};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_lab::Requirement;
use dip_opsmgmt::conformance::{self, DnsHarness};
use dip_opsmgmt::provider::{Dns, Entry, EntryData, HostName};
use dip_opsmgmt::providers::rfc2136::Rfc2136;
use dip_opsmgmt::settings::Rfc2136Settings;
use serde_json::json;

use crate::primary::{Primary, arpa, provider, settings};
use crate::slow_way::SlowWay;
use crate::zones::{
    Zones, a_name_outside_of_all_zones_is_told,
    a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it,
    a_service_whose_nodes_come_and_go_at_once_keeps_its_mark_until_the_last_one_is_gone,
    an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made, dig_sees_the_name_in_both_directions,
    every_foreign_record_is_as_before_after_a_name_was_made_and_removed,
    records_of_a_service_of_many_nodes_stand_side_by_side,
};
use crate::{is, step, wait};

struct Rig {
    primary: Primary,
    provider: Arc<Rfc2136>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    let (bind, knot) = tokio::join!(of("bind", Requirement::Bind), of("knot", Requirement::Knot));
    bind.into_iter().chain(knot).collect()
}

async fn of(server: &'static str, requirement: Requirement) -> Vec<Trial> {
    on_server(server, requirement.check(), Rig::start(requirement), |rig| {
        let mut trials = conformance::dns(Arc::clone(&rig) as Arc<dyn DnsHarness>);
        trials.extend(trials_of! {rig;
            dig_sees_the_name_in_both_directions
            every_foreign_record_is_as_before_after_a_name_was_made_and_removed
            the_step_registers_and_mends_what_was_removed_by_hand
            the_step_tells_a_conflict_before_anything_is_changed
            the_step_takes_away_what_was_taken_out_of_the_site_file_and_nothing_else
            the_address_book_tells_whose_names_an_address_has
            a_wildcard_is_nobodys_name
            an_unknown_key_is_told_apart_from_a_wrong_secret
            a_zone_that_the_key_may_not_change_is_told
            a_thousand_names_at_once_are_all_made_and_one_that_is_foreign_alone_fails
            a_thousand_names_half_of_which_others_have_take_a_few_messages
            a_node_has_all_its_names_and_records_in_one_message_and_they_go_with_it
            records_of_a_service_of_many_nodes_stand_side_by_side
            a_service_whose_nodes_come_and_go_at_once_keeps_its_mark_until_the_last_one_is_gone
            an_alias_of_somebody_else_is_a_conflict_and_nothing_of_the_node_is_made
            a_name_outside_of_all_zones_is_told
            the_zones_of_the_settings_are_kept
        });
        trials
    })
    .await
}

impl Rig {
    async fn start(requirement: Requirement) -> Result<Self, Failure> {
        let primary = Primary::start(requirement).await?;
        let provider = Arc::new(provider(&settings(&primary, &[]), primary.key().2)?);
        Ok(Self { primary, provider, numbers: AtomicU16::new(1) })
    }
}

/// Base64 of thirty-two zero bytes.
const WRONG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

impl Zones for Rig {
    fn dig(&self, query: &[&str]) -> Result<String, Failure> {
        Ok(wait(self.primary.dig(query))?.trim().to_owned())
    }

    fn list(&self, zone: &str) -> Result<String, Failure> {
        Ok(wait(self.primary.transfer(zone))?)
    }
}

#[async_trait]
impl DnsHarness for Rig {
    fn dns(&self) -> Arc<dyn Dns> {
        Arc::clone(&self.provider) as Arc<dyn Dns>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>> {
        Some(Arc::new(provider(&settings(&self.primary, &[]), WRONG).expect("the settings are sound")))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dns>> {
        // Nobody listens on port 1.
        let settings = Rfc2136Settings { server: "127.0.0.1:1".to_owned(), ..settings(&self.primary, &[]) };
        Some(Arc::new(provider(&settings, WRONG).expect("the settings are sound")))
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
        for address in &name.addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            wait(self.primary.update(&[&format!("add {} 60 {kind} {address}", name.name)]))?;
            wait(self.primary.update(&[&format!("add {} 60 PTR {}.", arpa(*address), name.name)]))?;
        }
        Ok(Some(()))
    }

    async fn seed_other_type(&self, name: &str) -> Result<Option<()>, Failure> {
        wait(self.primary.update(&[&format!("add {name} 60 MX 10 mail.lab.test.")]))?;
        Ok(Some(()))
    }

    async fn seed_entry(&self, entry: &Entry) -> Result<Option<()>, Failure> {
        wait(self.primary.update(&[&format!("add {}", record(entry))]))?;
        Ok(Some(()))
    }
}

/// A record as `nsupdate` takes it.
fn record(entry: &Entry) -> String {
    let name = &entry.name;
    match &entry.data {
        EntryData::Cname(to) => format!("{name} 60 CNAME {to}."),
        EntryData::Srv { priority, weight, port, target } => {
            format!("{name} 60 SRV {priority} {weight} {port} {target}.")
        }
        EntryData::Txt(text) => format!("{name} 60 TXT \"{text}\""),
    }
}

/// The providers and the step of a site with this server, and a node with these addresses.
fn connect(rig: &Rig, site: &SiteName, addresses: &[&str]) -> Result<(Providers, Step), Failure> {
    connect_with(rig, site, addresses, json!({}))
}

/// The same of a node that says this of DNS.
fn connect_with(
    rig: &Rig,
    site: &SiteName,
    addresses: &[&str],
    dns: serde_json::Value,
) -> Result<(Providers, Step), Failure> {
    let (name, algorithm, secret) = rig.primary.key();
    let number = rig.numbers.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("dip-opsmgmt-tsig-{}-{}-{number}", name, std::process::id()));
    std::fs::write(&file, format!("{secret}\n"))?;
    let key = json!({"name": name, "algorithm": algorithm, "secret": format!("file:{}", file.display())});
    let settings = json!({"server": rig.primary.addr().to_string(), "key": key});
    let connected = step::site(site, "rfc2136", settings, addresses).and_then(|mut site| {
        for node in site.nodes.values_mut() {
            node.settings.layers.insert(LayerId::OpsMgmt, json!({ "dns": dns }));
        }
        step::connect(&site)
    });
    std::fs::remove_file(&file)?;
    connected
}

async fn the_step_registers_and_mends_what_was_removed_by_hand(rig: &Rig) -> Result<(), Failure> {
    let (providers, register) = connect(rig, &us(), &["10.2.0.11", "fd93::2:11"])?;
    step::bring_about(&register, &providers, "").await?;
    is("A", &rig.dig(&["n1.lab.test", "A"])?, "10.2.0.11")?;
    wait(rig.primary.update(&["delete n1.lab.test AAAA"]))?;
    step::bring_about(&register, &providers, "").await?;
    wait(rig.primary.update(&["delete 11.0.2.10.in-addr.arpa PTR"]))?;
    step::bring_about(&register, &providers, "").await?;
    is("PTR", &rig.dig(&["-x", "10.2.0.11"])?, "n1.lab.test.")
}

async fn the_step_takes_away_what_was_taken_out_of_the_site_file_and_nothing_else(rig: &Rig) -> Result<(), Failure> {
    let dns = json!({
        "aliases": ["first", "second"],
        "services": [{"service": "one", "port": 1}, {"service": "two", "port": 2}],
        "texts": ["rack r1"],
    });
    let (providers, register) = connect_with(rig, &us(), &["10.2.0.17"], dns)?;
    step::bring_about(&register, &providers, "").await?;
    wait(
        rig.primary
            .update(&["add n1.lab.test 60 TXT \"by hand\"", "add _one._tcp.lab.test 60 SRV 0 0 9 www.lab.test."]),
    )?;
    let less = json!({"aliases": ["second"], "services": [{"service": "two", "port": 22}]});
    let (providers, register) = connect_with(rig, &us(), &["10.2.0.17"], less)?;
    let differs = match step::check(&register, &providers, "").await? {
        Check::Differs(diff) => diff.to_string(),
        other => return Err(format!("it should differ: {other:?}").into()),
    };
    let wanted = "+ record _two._tcp.lab.test SRV 0 0 22 n1.lab.test, \
                  - record _one._tcp.lab.test SRV 0 0 1 n1.lab.test, \
                  - record _two._tcp.lab.test SRV 0 0 2 n1.lab.test, \
                  - record first.lab.test CNAME n1.lab.test, \
                  - record n1.lab.test TXT \"rack r1\"";
    is("what differs", &differs, wanted)?;
    step::bring_about(&register, &providers, "").await?;
    is("the alias that was taken out", &rig.dig(&["first.lab.test", "CNAME"])?, "")?;
    is("its mark", &rig.dig(&["_dip.first.lab.test", "TXT"])?, "")?;
    is("the alias that stayed", &rig.dig(&["second.lab.test", "CNAME"])?, "n1.lab.test.")?;
    is("the service of somebody else", &rig.dig(&["_one._tcp.lab.test", "SRV"])?, "0 0 9 www.lab.test.")?;
    is("the service at another port", &rig.dig(&["_two._tcp.lab.test", "SRV"])?, "0 0 22 n1.lab.test.")?;
    is("the text of somebody else", &rig.dig(&["n1.lab.test", "TXT"])?, "\"by hand\"")?;
    let (providers, register) = connect(rig, &us(), &["10.2.0.17"])?;
    step::bring_about(&register, &providers, "").await?;
    is("the list", &rig.dig(&["_dip-made.n1.lab.test", "TXT"])?, "")?;
    is("the address", &rig.dig(&["n1.lab.test", "A"])?, "10.2.0.17")
}

async fn the_step_tells_a_conflict_before_anything_is_changed(rig: &Rig) -> Result<(), Failure> {
    let ours = HostName { name: "n1.lab.test".to_owned(), addresses: vec!["10.2.0.11".parse()?] };
    rig.provider.ensure(&ours, &us()).await?;
    let (providers, register) = connect(rig, &SiteName::new("elsewhere")?, &["10.2.0.12"])?;
    match step::check(&register, &providers, "").await {
        Err(error) if error.to_string().contains("the mark of site `conformance`") => Ok(()),
        other => Err(format!("it should be a conflict that names the holder: {other:?}").into()),
    }
}

async fn the_address_book_tells_whose_names_an_address_has(rig: &Rig) -> Result<(), Failure> {
    let (providers, _) = connect(rig, &us(), &["10.2.0.13"])?;
    let book = providers.find::<dyn Ipam>(&Subject::service(&ServiceName::new("service")?))?;
    // `www` has an address and no reverse name; this one has a reverse name alone, that of a name in no zone of the server.
    wait(rig.primary.update(&["add 14.0.2.10.in-addr.arpa 60 PTR printer.example.org."]))?;
    let ours = HostName { addresses: vec!["10.2.0.15".parse()?], ..rig.fresh() };
    rig.provider.ensure(&ours, &us()).await?;
    let asked = ["10.9.9.9", "10.2.0.14", "10.2.0.15", "10.2.0.16"].map(|text| text.parse().expect("an address"));
    let told = book.holders(&asked).await?;
    let told: Vec<_> = told.iter().map(|(address, held)| format!("{address} {held}")).collect();
    let wanted = [
        "10.9.9.9 the name www.lab.test in `service`, which carries nobody's mark".to_owned(),
        "10.2.0.14 the name printer.example.org in `service`, which carries nobody's mark".to_owned(),
        format!("10.2.0.15 the name {} in `service`, which carries the mark of site `conformance`", ours.name),
    ];
    is("what it tells", &told.join("\n"), &wanted.join("\n"))
}

async fn a_wildcard_is_nobodys_name(rig: &Rig) -> Result<(), Failure> {
    let wanted = HostName { name: "n7.wild.test".to_owned(), ..rig.fresh() };
    if rig.provider.name(&wanted.name).await?.is_some() {
        return Err("the wildcard's answer counts as a name".into());
    }
    rig.provider.ensure(&wanted, &us()).await?;
    is("A", &rig.dig(&[&wanted.name, "A"])?, &wanted.addresses[0].to_string())?;
    is("the wildcard", &rig.dig(&["other.wild.test", "A"])?, "10.9.9.9")
}

async fn an_unknown_key_is_told_apart_from_a_wrong_secret(rig: &Rig) -> Result<(), Failure> {
    let wrong = provider(&settings(&rig.primary, &[]), WRONG)?;
    refused(wrong.name("n1.lab.test").await, ErrorKind::Denied, "compare the secret")?;
    let mut stranger = settings(&rig.primary, &[]);
    stranger.key.name = "stranger".to_owned();
    let stranger = provider(&stranger, rig.primary.key().2)?;
    refused(stranger.name("n1.lab.test").await, ErrorKind::Denied, "does not know the key")
}

async fn the_zones_of_the_settings_are_kept(rig: &Rig) -> Result<(), Failure> {
    let zones = ["lab.test", "10.in-addr.arpa", "0.0.0.0.3.9.d.f.ip6.arpa"];
    let narrow = provider(&settings(&rig.primary, &zones), rig.primary.key().2)?;
    narrow.ensure(&rig.fresh(), &us()).await?;
    let outside = HostName { name: "n8.wild.test".to_owned(), ..rig.fresh() };
    refused(narrow.ensure(&outside, &us()).await, ErrorKind::Invalid, "none of the `zones`")
}

async fn a_zone_that_the_key_may_not_change_is_told(rig: &Rig) -> Result<(), Failure> {
    let wanted = HostName { name: "n1.fixed.test".to_owned(), ..rig.fresh() };
    refused(rig.provider.ensure(&wanted, &us()).await, ErrorKind::Denied, "does not let it change this zone")
}

async fn a_thousand_names_at_once_are_all_made_and_one_that_is_foreign_alone_fails(rig: &Rig) -> Result<(), Failure> {
    let name = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let addresses = vec![IpAddr::V4(Ipv4Addr::new(10, 3, high, low))];
        HostName { name: format!("many{number}.lab.test"), addresses }
    };
    wait(rig.primary.update(&["add many500.lab.test 60 A 10.9.9.11"]))?;
    let tasks: Vec<_> = (0..1_000)
        .map(|number| {
            let dns = Arc::clone(&rig.provider);
            tokio::spawn(async move { dns.ensure(&name(number), &us()).await })
        })
        .collect();
    for (number, task) in (0..).zip(tasks) {
        match task.await? {
            Err(error) if number == 500 => refused::<()>(Err(error), ErrorKind::Conflict, "10.9.9.11")?,
            done => done?,
        }
    }
    let all = rig.zone("lab.test")?;
    let made = all.lines().filter(|line| line.starts_with("many") && line.contains("\tA\t10.3.")).count();
    is("how many were made", &made.to_string(), "999")
}

async fn a_thousand_names_half_of_which_others_have_take_a_few_messages(rig: &Rig) -> Result<(), Failure> {
    let name = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let addresses = vec![IpAddr::V4(Ipv4Addr::new(10, 4, high, low))];
        HostName { name: format!("half{number}.lab.test"), addresses }
    };
    let theirs: Vec<String> =
        (1..1_000).step_by(2).map(|number| format!("add half{number}.lab.test 60 A 10.9.9.12")).collect();
    wait(rig.primary.update(&theirs.iter().map(String::as_str).collect::<Vec<_>>()))?;
    // Its own connections, whose messages can be counted.
    let way = SlowWay::to(rig.primary.addr()).await?;
    let settings = Rfc2136Settings { server: way.addr.to_string(), ..settings(&rig.primary, &[]) };
    let dns = Arc::new(provider(&settings, rig.primary.key().2)?);
    let tasks: Vec<_> = (0..1_000)
        .map(|number| {
            let dns = Arc::clone(&dns);
            tokio::spawn(async move { dns.ensure(&name(number), &us()).await })
        })
        .collect();
    for (number, task) in (0..).zip(tasks) {
        match task.await? {
            done if number % 2 == 1 => refused(done, ErrorKind::Conflict, "10.9.9.12")?,
            done => done?,
        }
    }
    // How many share a message depends on the machine: 12 to 28 were seen. One after the other they would be a thousand.
    if way.updates() > 100 {
        return Err(format!("it took {} messages", way.updates()).into());
    }
    let count = |zone: &str, words: [&str; 2]| {
        let all = rig.zone(zone)?;
        let lines = all.lines().filter(|line| words.iter().all(|word| line.contains(word)));
        Ok::<_, Failure>(lines.count().to_string())
    };
    is("how many were made", &count("lab.test", ["half", "\t10.4."])?, "500")?;
    is("how many are marked", &count("lab.test", ["_dip.half", "site=conformance"])?, "500")?;
    is("how many are others'", &count("lab.test", ["half", "\t10.9.9.12"])?, "500")?;
    is("how many have reverse names", &count("10.in-addr.arpa", ["PTR", "half"])?, "500")
}
