//! Addresses that others hold, as a plan tells them: all at once, each with its place in the site file.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use dip_core::engine::{Planner, held_by_others};
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::layer::{Layer, Layers};
use dip_core::observed::Observed;
use dip_core::plan::render;
use dip_core::provider::{
    AddressHolder, AddressPool, ErrorKind, Holder, Ipam, MockAddressPool, MockIpam, ProviderError, Providers,
};
use dip_core::site::{Format, Lock, Resolved, Site, Source};
use dip_core::subject::Subject;
use dip_network::NetworkLayer;
use dip_network::provider::{Dhcp, Held, MockDhcp, Reservation};

/// Six nodes: more than a plan folds into one line.
const SITE: &str = "version: 1
site: lab
domain: lab.example
networks:
  prod: {prefixes: [{prefix: 10.0.1.0/24, ranges: [10.0.1.100-10.0.1.199]}]}
services:
  dhcp: {kind: dnsmasq, hosts_directory: /nonexistent, pid_file: /nonexistent/pid}
nodes:
  n1: {nics: {eth0: {mac: \"52:54:00:00:00:01\", network: prod, address: 10.0.1.11}}}
  n2: {nics: {eth0: {mac: \"52:54:00:00:00:02\", network: prod, address: 10.0.1.12}}}
  n3:
    nics:
      eth0: {mac: \"52:54:00:00:00:03\", network: prod, address: 10.0.1.13}
      eth1: {mac: \"52:54:00:00:00:13\", network: prod, address: 10.0.1.23}
  n4: {nics: {eth0: {mac: \"52:54:00:00:00:04\", network: prod, address: 10.0.1.14}}}
  n5: {nics: {eth0: {mac: \"52:54:00:00:00:05\", network: prod, address: 10.0.1.15}}}
  n6: {nics: {eth0: {mac: \"52:54:00:00:00:06\", network: prod}}}
";

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 1, last])
}

fn held(last: u8, record: &str, name: &str, owner: Option<&str>) -> (IpAddr, AddressHolder) {
    let owner = owner.map(|site| SiteName::new(site).expect("a name"));
    let (record, name) = (record.to_owned(), Some(name.to_owned()));
    (address(last), AddressHolder { record, mac: None, name, holder: Holder::from(owner) })
}

/// What other services know: one record is of the node itself, one of the site's own.
fn known() -> Vec<(IpAddr, AddressHolder)> {
    let name = |name: &str| format!("the name {name} in `dns`");
    vec![
        held(11, &name("printer.lab.example"), "printer.lab.example", None),
        held(12, &name("n2.lab.example"), "n2.lab.example", None),
        held(13, &name("old.lab.example"), "old.lab.example", Some("lab")),
        held(14, "the record cmdb/sw7.yaml of sw7 in `cmdb`", "sw7", Some("other")),
        held(15, &name("web.lab.example"), "web.lab.example", None),
        held(15, "the record cmdb/web.yaml of web in `cmdb`", "web", None),
        held(23, &name("cam.lab.example"), "cam.lab.example", None),
        held(100, &name("camera.lab.example"), "camera.lab.example", None),
        held(102, &name("phone.lab.example"), "phone.lab.example", None),
    ]
}

fn providers(site: &Site) -> Providers {
    let mac: MacAddr = "52:54:00:00:00:77".parse().expect("a MAC address");
    let reservation = Reservation {
        mac,
        addresses: vec![address(101)],
        host_name: Some("scanner".to_owned()),
        duid: None,
        boot: None,
    };
    let mut dhcp = MockDhcp::new();
    dhcp.expect_reservation().returning(|_| Ok(None));
    dhcp.expect_list().returning(move || Ok(vec![Held { reservation: reservation.clone(), owner: None }]));
    let mut book = MockIpam::new();
    book.expect_holders().returning(|asked| Ok(known().into_iter().filter(|(of, _)| asked.contains(of)).collect()));
    let mut providers = Providers::new();
    let subject = Subject::service(&ServiceName::new("dhcp").expect("a name"));
    providers.insert::<dyn Dhcp>(&subject, Arc::new(dhcp));
    providers.insert::<dyn Ipam>(&subject, Arc::new(book));
    NetworkLayer.combine(site, &mut providers);
    providers
}

fn parse(lock: &Lock) -> Resolved {
    let source = Source::new("site.yaml", Format::Yaml, SITE.to_owned());
    Site::parse(&[source], &NetworkLayer.settings(), lock).expect("the site is right")
}

fn address_of_n6(site: &Site) -> String {
    let nics = site.nodes.values().filter(|node| node.name.as_str() == "n6").flat_map(|node| node.nics.values());
    nics.flat_map(|nic| &nic.addresses).map(|given| given.address.to_string()).collect()
}

#[tokio::test]
async fn a_plan_tells_all_that_others_hold_each_with_its_line() {
    let site = Arc::new(parse(&Lock::default()).site);
    let (layers, providers) = (Layers::new().with(NetworkLayer), providers(&site));
    let prepared = Planner::new(&layers, &providers).prepare(site, &mut Observed::new()).await.expect("a plan");
    let text = render::text(&prepared.plan);
    // What stands before has the id of the plan.
    let told = text.find("\nHeld by somebody else").map_or("", |at| &text[at + 1..]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/held_addresses.txt");
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&golden, told).expect("the golden file can be written");
    }
    let wanted = std::fs::read_to_string(&golden).expect("the golden file is there");
    assert_eq!(told, wanted, "`DIP_BLESS=1` writes {}", golden.display());
}

#[tokio::test]
async fn the_next_free_address_passes_over_what_others_hold_and_stays() {
    let first = parse(&Lock::default());
    assert_eq!(address_of_n6(&first.site), "10.0.1.100");
    // Until nobody holds what is chosen: by DNS 100 and 102, by the DHCP server 101.
    let (mut lock, mut rounds) = (Lock::default(), 0);
    let settled = loop {
        let parsed = parse(&lock);
        let more = held_by_others(&parsed.site, &Lock::default(), &providers(&parsed.site)).await.expect("they answer");
        if more.is_empty() {
            break parsed;
        }
        lock.held.extend(more);
        rounds += 1;
    };
    assert_eq!((rounds, address_of_n6(&settled.site)), (3, "10.0.1.103".to_owned()));
    let who: Vec<_> = settled.lock.held.iter().map(|(address, who)| format!("{address} {who}")).collect();
    assert_eq!(
        who,
        [
            "10.0.1.100 the name camera.lab.example in `dns`, which carries nobody's mark",
            "10.0.1.101 the reservation of 52:54:00:00:00:77 (scanner) in `dhcp`, which carries nobody's mark",
            "10.0.1.102 the name phone.lab.example in `dns`, which carries nobody's mark",
        ]
    );
    // The lock alone gives the same again, also once the others are gone; and what is locked is not asked for anew.
    let again = parse(&settled.lock);
    assert_eq!((address_of_n6(&again.site), again.lock), ("10.0.1.103".to_owned(), settled.lock.clone()));
    let nobody_asked = held_by_others(&settled.site, &settled.lock, &Providers::new()).await.expect("nobody to ask");
    assert!(nobody_asked.is_empty());
    // A node that had its address before is not moved, whoever holds it now.
    let mut before = first.lock;
    before.held.insert(address(100), "the name camera.lab.example in `dns`".to_owned());
    assert_eq!(address_of_n6(&parse(&before).site), "10.0.1.100");
}

/// The site's addresses out of a pool, and what that and others say of the first ones.
async fn passed_over(free: Result<Vec<IpAddr>, ErrorKind>, holders: Vec<(IpAddr, AddressHolder)>) -> Vec<String> {
    let text = SITE.replace("ranges: [10.0.1.100-10.0.1.199]", "ranges: [10.0.1.100-10.0.1.199], from: dhcp");
    let source = Source::new("site.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &NetworkLayer.settings(), &Lock::default()).expect("the site is right").site;
    let mut pool = MockAddressPool::new();
    pool.expect_free().returning(move |_, _| free.clone().map_err(|kind| ProviderError::new(kind, "pool", "tell")));
    let mut ipam = MockIpam::new();
    ipam.expect_holders()
        .returning(move |asked| Ok(holders.iter().filter(|(of, _)| asked.contains(of)).cloned().collect()));
    let mut providers = Providers::new();
    let service = Subject::service(&ServiceName::new("dhcp").expect("a name"));
    providers.insert::<dyn AddressPool>(&service, Arc::new(pool));
    providers.insert::<dyn Ipam>(&Subject::addresses(&site.name), Arc::new(ipam));
    let over = held_by_others(&site, &Lock::default(), &providers).await.expect("it answers");
    over.into_iter().map(|(address, who)| format!("{address} {who}")).collect()
}

#[tokio::test]
async fn what_is_not_free_in_a_pool_is_passed_over_unless_it_is_the_sites_own() {
    let not_free = passed_over(Ok(vec![address(102)]), Vec::new()).await;
    assert_eq!(not_free, ["10.0.1.100 `dhcp`, where it is not free", "10.0.1.101 `dhcp`, where it is not free"]);
    // The lock was lost, and not what the site took.
    let taken = |owner| held(100, "the address 10.0.1.100 in `cmdb`", "n6.lab.example", owner);
    assert_eq!(passed_over(Ok(vec![address(101)]), vec![taken(Some("lab"))]).await, Vec::<String>::new());
    let theirs = held(100, "the address 10.0.1.100 in `cmdb`", "camera", Some("other"));
    let told = "10.0.1.100 the address 10.0.1.100 in `cmdb`, which carries the mark of site `other`";
    assert_eq!(passed_over(Ok(vec![address(101)]), vec![theirs.clone()]).await, [told]);
    // A pool that is away keeps nobody else from telling.
    assert_eq!(passed_over(Err(ErrorKind::Unreachable), vec![theirs]).await, [told]);
}
