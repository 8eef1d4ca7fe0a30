//! Nodes and their central records stay in step: a changed address moves all of them in one plan, and drift in each is mended.

#[path = "shared/mortal_journal.rs"]
mod mortal_journal;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_core::engine::{Engine, Planner, Prepared, Stop};
use dip_core::id::{NodeName, ServiceName};
use dip_core::journal::{Journal, MemoryJournal};
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::report::{Outcome, Report};
use dip_core::site::{Format, Lock, NicAddress, Site, Source};
use dip_core::subject::Subject;
use dip_firmware::FirmwareLayer;
use dip_network::NetworkLayer;
use dip_network::provider::Dhcp;
use dip_opsclients::OpsClientsLayer;
use dip_opsmgmt::OpsMgmtLayer;
use dip_opsmgmt::provider::{Cmdb, Dns, Monitor};
use dip_os::OsLayer;
use dip_sandbox::{Sandbox, datacenter};
use mortal_journal::Mortal;

fn layers() -> Layers {
    Layers::new()
        .with(NetworkLayer)
        .with(FirmwareLayer)
        .with(OsLayer)
        .with(OpsClientsLayer)
        .with(AppsLayer)
        .with(OpsMgmtLayer)
        .with(ClusterLayer)
}

fn site() -> Site {
    let source = Source::new("site.yaml", Format::Yaml, datacenter(4, 2));
    match Site::parse(&[source], &layers().settings(), &Lock::default()) {
        Ok(resolved) => resolved.site,
        Err(faults) => panic!("the generated site file has faults:\n{faults}"),
    }
}

fn node() -> NodeName {
    NodeName::new("r1-n2").expect("a name")
}

fn service(name: &str) -> Subject {
    Subject::service(&ServiceName::new(name).expect("a name"))
}

fn former() -> IpAddr {
    IpAddr::from([10, 1, 1, 11])
}

fn wanted() -> IpAddr {
    IpAddr::from([10, 1, 1, 211])
}

/// The site with the node's address changed. One with both addresses is what the simulated network carries.
fn with(change: impl Fn(&NicAddress) -> Vec<NicAddress>) -> Arc<Site> {
    let mut site = site();
    let nics = site.nodes.get_mut(&node()).expect("it is there").nics.values_mut();
    let mut changed = false;
    for nic in nics {
        let addresses = nic.addresses.iter();
        let is_it = |address: &&NicAddress| address.address == former();
        changed |= nic.addresses.iter().any(|address| is_it(&address));
        nic.addresses = addresses
            .flat_map(|address| if is_it(&address) { change(address) } else { vec![address.clone()] })
            .collect();
    }
    assert!(changed, "the node has the address");
    Arc::new(site)
}

fn moved(address: &NicAddress) -> NicAddress {
    NicAddress { address: wanted(), ..address.clone() }
}

async fn seen(site: &Arc<Site>, sandbox: &Sandbox) -> Prepared {
    let (layers, providers, clock) = (layers(), sandbox.providers(), sandbox.clock());
    let prepared =
        Planner::new(&layers, &providers).clock(&clock).prepare(Arc::clone(site), &mut Observed::new()).await;
    prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
}

fn engine(sandbox: &Sandbox) -> Engine {
    Engine::new(layers().operations(), sandbox.providers()).clock(Arc::new(sandbox.clock()))
}

async fn apply(site: &Arc<Site>, sandbox: &Sandbox) -> Report {
    let plan = seen(site, sandbox).await.plan;
    engine(sandbox).run("test", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("memory takes all")
}

#[track_caller]
fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

/// Resolves the node's name all the time, and keeps what was seen.
fn watch(sandbox: &Sandbox, name: String, seen: &Arc<Mutex<BTreeSet<Vec<IpAddr>>>>) -> tokio::task::JoinHandle<()> {
    let dns = sandbox.providers().find::<dyn Dns>(&service("dns")).expect("the site has one");
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        loop {
            let held = dns.name(&name).await.expect("it answers").map(|held| held.addresses).unwrap_or_default();
            seen.lock().expect("nobody panics with it locked").insert(held);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
}

/// Where each central record says that the node is.
async fn places(site: &Site, sandbox: &Sandbox) -> Vec<String> {
    let providers = sandbox.providers();
    let dns = providers.find::<dyn Dns>(&service("dns")).expect("the site has one");
    let dhcp = providers.find::<dyn Dhcp>(&service("dhcp")).expect("the site has one");
    let cmdb = providers.find::<dyn Cmdb>(&service("cmdb")).expect("the site has one");
    let monitor = providers.find::<dyn Monitor>(&service("monitoring")).expect("the site has one");
    let name = site.host_name(&site.nodes[&node()]);
    let held = dns.name(&name).await.expect("it answers").expect("it is there");
    let record = cmdb.read(&node()).await.expect("it answers").expect("it is there");
    let target = monitor.target(&node(), &site.name).await.expect("it answers").expect("it is there");
    let mac = site.nodes[&node()].primary_nic().and_then(|nic| nic.mac).expect("it has one");
    let lease = dhcp.reservation(mac).await.expect("it answers").expect("it is there");
    vec![
        format!("dns {:?} {:?}", held.addresses, dns.reverse(wanted()).await.expect("it answers")),
        format!("dns {:?}", dns.reverse(former()).await.expect("it answers")),
        format!("cmdb {:?}", record.record.addresses),
        format!("dhcp {:?}", lease.reservation.addresses),
        format!("target {}", target.target.address),
    ]
}

fn all_moved(site: &Site) -> Vec<String> {
    let name = site.host_name(&site.nodes[&node()]);
    vec![
        format!("dns [10.1.1.211, 2001:db8:1:1::11] [{name:?}]"),
        "dns []".to_owned(),
        "cmdb [10.1.1.211, 2001:db8:1:1::11]".to_owned(),
        "dhcp [10.1.1.211, 2001:db8:1:1::11]".to_owned(),
        "target 10.1.1.211:9100".to_owned(),
    ]
}

#[test]
fn a_changed_address_moves_name_lease_record_and_target_and_the_name_is_never_empty() {
    let (before, after) = (Arc::new(site()), with(|address| vec![moved(address)]));
    let sandbox = Sandbox::new(&with(|address| vec![address.clone(), moved(address)]), 11);
    sandbox.block_on(async {
        ready(&apply(&before, &sandbox).await);
        let names = Arc::default();
        let watcher = watch(&sandbox, before.host_name(&before.nodes[&node()]), &names);
        ready(&apply(&after, &sandbox).await);
        watcher.abort();
        assert_eq!(places(&after, &sandbox).await, all_moved(&after));
        let seen = names.lock().expect("nobody panics with it locked").clone();
        let other = IpAddr::from([0x2001, 0xdb8, 1, 1, 0, 0, 0, 0x11]);
        let states = [former(), wanted()].map(|address| vec![address, other]);
        assert_eq!(seen, BTreeSet::from(states), "before and after, and nothing else");
        assert!(self::seen(&after, &sandbox).await.plan.is_empty());
    });
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_a_move_is_gone_on_with() {
    for life in (3..60).step_by(7) {
        let (before, after) = (Arc::new(site()), with(|address| vec![moved(address)]));
        let sandbox = Sandbox::new(&with(|address| vec![address.clone(), moved(address)]), 12);
        sandbox.block_on(async {
            ready(&apply(&before, &sandbox).await);
            let names = Arc::default();
            let watcher = watch(&sandbox, before.host_name(&before.nodes[&node()]), &names);
            let plan = seen(&after, &sandbox).await.plan;
            let mortal = Arc::new(Mortal { life, ..Mortal::default() });
            let journal = Arc::clone(&mortal) as Arc<dyn Journal>;
            let killed = engine(&sandbox).run("test", plan, journal, &Stop::new()).await;
            let records = mortal.records.lock().expect("nobody panics with it locked").clone();
            if killed.is_err() {
                let resumed = engine(&sandbox).resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await;
                ready(&resumed.expect("memory takes all"));
            }
            watcher.abort();
            assert_eq!(places(&after, &sandbox).await, all_moved(&after), "killed after {life} records");
            let seen = names.lock().expect("nobody panics with it locked").clone();
            assert!(!seen.contains(&Vec::new()), "killed after {life} records: {seen:?}");
        });
    }
}

#[test]
fn drift_in_each_central_record_is_seen_and_mended() {
    let site = Arc::new(site());
    let sandbox = Sandbox::new(&site, 13);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        let providers = sandbox.providers();
        let dns = providers.find::<dyn Dns>(&service("dns")).expect("the site has one");
        let cmdb = providers.find::<dyn Cmdb>(&service("cmdb")).expect("the site has one");
        let monitor = providers.find::<dyn Monitor>(&service("monitoring")).expect("the site has one");
        let dhcp = providers.find::<dyn Dhcp>(&service("dhcp")).expect("the site has one");
        let name = site.host_name(&site.nodes[&node()]);
        let mac = site.nodes[&node()].primary_nic().and_then(|nic| nic.mac).expect("it has one");
        dns.remove(&name, &site.name).await.expect("it is ours");
        cmdb.remove(&node(), &site.name).await.expect("it is ours");
        monitor.remove(&node(), &site.name).await.expect("it is ours");
        dhcp.release(mac, &site.name).await.expect("it is ours");
        let plan = seen(&site, &sandbox).await.plan;
        let steps: BTreeSet<&str> = plan.steps().iter().map(|planned| planned.step.call.operation()).collect();
        for wanted in ["opsmgmt.register_name", "opsmgmt.record_node", "opsmgmt.monitor_node"] {
            assert!(steps.contains(wanted), "{steps:?}");
        }
        ready(&apply(&site, &sandbox).await);
        assert!(seen(&site, &sandbox).await.plan.is_empty());
    });
}
