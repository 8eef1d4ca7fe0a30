//! dnsmasq under trial; ISC dhclient is the client that tells what really came of it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial, Verdict, on_server, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::id::Symbol;
use dip_core::provider::{ErrorKind, ProviderError, Providers, Retry, Whereabouts as _, sentence};
use dip_core::site::{Driver, Service, Site};
use dip_core::subject::Subject;
use dip_lab::Requirement;
use dip_network::conformance::{self, DhcpClients, DhcpHarness};
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::SiteWhereabouts;
use dip_network::providers::dnsmasq::Dnsmasq;
use dip_network::settings::DnsmasqSettings;
use serde_json::json;

use crate::by_dhcp::dhcp_and_ipam;
use crate::clients::Clients;
use crate::openvswitch::is;
use crate::{dhcpv6, step, wait};

const SERVER: &str = "dnsmasq";

struct Rig {
    server: Arc<dip_lab::Dnsmasq>,
    provider: Arc<Dnsmasq>,
    numbers: AtomicU8,
}

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::Dnsmasq.check(), Rig::start(), |rig| {
        let mut trials = dhcp_and_ipam(SERVER, &rig);
        trials.extend(trials_of! {rig;
            the_step_reserves_and_a_real_client_gets_address_and_name
            an_interrupted_change_is_seen_and_mended
            an_entry_of_the_main_configuration_is_a_conflict
            a_conflict_names_the_file
            a_directory_that_does_not_exist_is_told
            a_directory_that_cannot_be_written_is_denied
            an_entry_that_somebody_edits_is_read_anew
            what_dnsmasq_would_misread_is_refused
            no_hidden_file_is_left_behind
            an_interface_is_found_by_its_lease_and_by_its_reservation
            the_lines_of_the_documentation_tell_each_firmware_its_file_where_dip_has_reserved
        });
        trials.push(Trial::new("a_client_gets_the_ipv6_address_that_is_reserved_for_it", || async {
            dhcpv6::a_client_gets_the_ipv6_address_that_is_reserved_for_it().await.map(|()| Verdict::Passed)
        }));
        trials
    })
    .await
}

impl Rig {
    async fn start() -> Result<Self, Failure> {
        let server = Arc::new(dip_lab::Dnsmasq::start().await?);
        let provider = Arc::new(Dnsmasq::new(settings(&server)));
        Ok(Self { server, provider, numbers: AtomicU8::new(10) })
    }
}

fn settings(server: &dip_lab::Dnsmasq) -> DnsmasqSettings {
    DnsmasqSettings {
        hosts_directory: server.hosts_dir.clone(),
        pid_file: server.pid_file.clone(),
        hosts_files: Vec::new(),
        lease_file: Some(server.lease_file.clone()),
        networks: Vec::new(),
        boot: None,
    }
}

#[async_trait]
impl DhcpHarness for Rig {
    fn dhcp(&self) -> Arc<dyn Dhcp> {
        Arc::clone(&self.provider) as Arc<dyn Dhcp>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dhcp>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dhcp>> {
        let pid_file = PathBuf::from("/nonexistent/dnsmasq.pid");
        Some(Arc::new(Dnsmasq::new(DnsmasqSettings { pid_file, ..settings(&self.server) })))
    }

    fn fresh(&self) -> Reservation {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Reservation {
            mac: MacAddr([0x02, 0xd1, 0x70, 0, 0, number]),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 77, 1, number))],
            host_name: Some(format!("h{number}")),
            duid: None,
            boot: None,
        }
    }

    async fn seed_unmarked(&self, reservation: &Reservation) -> Result<Option<()>, Failure> {
        let [address] = reservation.addresses.as_slice() else { return Ok(None) };
        let name = reservation.host_name.as_deref().ok_or("fresh reservations have names")?;
        let file = self.server.hosts_dir.join(format!("by-hand-{name}"));
        fs::write(file, format!("{},{address},{name}\n", reservation.mac))?;
        Ok(Some(()))
    }

    fn clients(&self) -> Option<Arc<dyn DhcpClients>> {
        Some(Arc::new(clients(&self.server)))
    }
}

fn clients(server: &Arc<dip_lab::Dnsmasq>) -> Clients {
    let server = Arc::clone(server);
    Clients::that(move |mac, says| wait(server.ask(mac, says)))
}

fn refused(result: Result<(), ProviderError>, kind: ErrorKind, words: &str) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == kind && error.retry() == Retry::Never && sentence(&error).contains(words) => {
            Ok(())
        }
        Err(error) => Err(format!("it should fail as {kind} with `{words}`: {}", sentence(&error)).into()),
        Ok(()) => Err(format!("it should fail as {kind} with `{words}`").into()),
    }
}

async fn the_step_reserves_and_a_real_client_gets_address_and_name(rig: &Rig) -> Result<(), Failure> {
    let (mac, address) = ("02:d1:70:00:01:01", "10.77.2.1");
    let settings = json!({"hosts_directory": rig.server.hosts_dir, "pid_file": rig.server.pid_file});
    let site = step::with_dhcp(step::site()?, "dnsmasq", settings, mac, address)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [reserve] = steps.as_slice() else { return Err(format!("{steps:?} is not one step").into()) };
    step::bring_about(reserve, &providers).await?;
    let lease = wait(rig.server.lease(mac))?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), address)?;
    is("the host name", lease.host_name.as_deref().unwrap_or_default(), "n1")?;

    // Drift made by hand is seen and mended.
    fs::remove_file(rig.server.hosts_dir.join("dip-02-d1-70-00-01-01"))?;
    step::bring_about(reserve, &providers).await?;
    Ok(())
}

async fn an_interrupted_change_is_seen_and_mended(rig: &Rig) -> Result<(), Failure> {
    let (first, second) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    let changed = Reservation { mac: first.mac, ..second };
    rig.provider.reserve(&first, &us()).await?;
    let lease = wait(rig.server.lease(&first.mac.to_string()))?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), &first.addresses[0].to_string())?;
    // As a crash leaves it: the change is noted and written, and the server was not told.
    let dashed = first.mac.to_string().replace(':', "-");
    fs::write(rig.server.hosts_dir.join(format!(".dip-{dashed}.stale")), "")?;
    let text = format!("# dip: site=conformance\n{},{},crashed\n", first.mac, changed.addresses[0]);
    fs::write(rig.server.hosts_dir.join(".other"), text)?;
    fs::rename(rig.server.hosts_dir.join(".other"), rig.server.hosts_dir.join(format!("dip-{dashed}")))?;
    if rig.provider.reservation(first.mac).await?.is_some() {
        return Err("a change that the server was not told of counts as made".into());
    }
    rig.provider.reserve(&changed, &us()).await?;
    if rig.provider.reservation(first.mac).await?.is_none() {
        return Err("the change was not mended".into());
    }
    let lease = wait(rig.server.lease(&first.mac.to_string()))?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), &changed.addresses[0].to_string())
}

async fn an_interface_is_found_by_its_lease_and_by_its_reservation(rig: &Rig) -> Result<(), Failure> {
    let (lent, kept) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    let service = Service {
        name: "dhcp".parse()?,
        driver: Driver { kind: Symbol::of("dnsmasq"), settings: json!({}), origin: None },
    };
    let mut site = Site::new(us());
    site.services.insert(service.name.clone(), service.clone());
    let mut providers = Providers::new();
    providers.insert::<dyn Dhcp>(&Subject::service(&service.name), rig.dhcp());
    let whereabouts = SiteWhereabouts::of(&site, &providers).ok_or("the site has a DHCP server")?;
    let found = |mac| {
        let whereabouts = &whereabouts;
        async move { whereabouts.addresses_of(mac).await }
    };
    is("nobody knows it yet", &found(lent.mac).await?.len().to_string(), "0")?;
    let lease = wait(rig.server.lease(&lent.mac.to_string()))?.ok_or("the client got no lease")?;
    is("the lease", &format!("{:?}", found(lent.mac).await?), &format!("[{}]", lease.address))?;
    rig.provider.reserve(&kept, &us()).await?;
    is("the reservation", &format!("{:?}", found(kept.mac).await?), &format!("[{}]", kept.addresses[0]))?;
    // The client of a reservation has a lease of the same address: it is told once.
    wait(rig.server.lease(&kept.mac.to_string()))?.ok_or("the client got no lease")?;
    is("both", &format!("{:?}", found(kept.mac).await?), &format!("[{}]", kept.addresses[0]))
}

/// dip does not tell dnsmasq boot files; what its page gives its administrator must do so, for the entries that dip writes.
async fn the_lines_of_the_documentation_tell_each_firmware_its_file_where_dip_has_reserved(
    rig: &Rig,
) -> Result<(), Failure> {
    let page = include_str!("../../../docs/dhcp-dnsmasq.md");
    let lines = page.lines().map(str::trim).filter(|line| line.starts_with("dhcp-") && line.contains("=set:"));
    let boots = page.lines().map(str::trim).filter(|line| line.starts_with("dhcp-") && line.contains("=tag:known,"));
    let conf: String = lines.chain(boots).map(|line| format!("{line}\n")).collect();
    // One of its own: it is restarted, and asked after HUP.
    let mut server = wait(dip_lab::Dnsmasq::start())?;
    fs::write(&server.added, conf)?;
    wait(server.restart())?;
    let (provider, clients) = (Dnsmasq::new(settings(&server)), clients(&Arc::new(server)));
    let wanted = DhcpHarness::fresh(rig);
    provider.reserve(&wanted, &us()).await?;
    let kinds = [
        (0, None, "undionly.kpxe"),
        (7, None, "ipxe.efi"),
        (9, None, "ipxe.efi"),
        (11, None, "arm64/ipxe.efi"),
        (16, None, "http://10.0.1.5/ipxe.efi"),
        (19, None, "http://10.0.1.5/arm64/ipxe.efi"),
        (7, Some("iPXE"), "http://10.0.1.5/boot.ipxe"),
    ];
    for (architecture, user_class, file) in kinds {
        let told = clients.boot(wanted.mac, architecture, user_class).await?;
        let told = told.ok_or(format!("{architecture} hears nothing"))?;
        is("the file", &told.1, file)?;
        is("the server", &told.0.to_string(), "10.0.1.5")?;
    }
    let other = DhcpHarness::fresh(rig);
    is("what another machine hears", &format!("{:?}", clients.boot(other.mac, 7, None).await?), "None")?;
    // HUP goes to a server that has told boot files.
    let changed = Reservation { addresses: other.addresses, ..wanted.clone() };
    provider.reserve(&changed, &us()).await?;
    is(
        "the address after a change",
        &clients.lease(wanted.mac).await?.map_or_else(String::new, |address| address.to_string()),
        &changed.addresses[0].to_string(),
    )?;
    let with_boot = Reservation { boot: conformance::trial_boot_files().into_iter().next(), ..changed };
    refused(
        provider.reserve(&with_boot, &us()).await,
        ErrorKind::Unsupported,
        "cannot be told boot files for single entries",
    )
}

async fn an_entry_of_the_main_configuration_is_a_conflict(rig: &Rig) -> Result<(), Failure> {
    let (theirs, free) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    let file = std::env::temp_dir().join(format!("dip-network-{}.conf", std::process::id()));
    fs::write(
        &file,
        format!("dhcp-range=10.77.100.0,10.77.199.255\ndhcp-host={},{},web\n", theirs.mac, theirs.addresses[0]),
    )?;
    let provider = Dnsmasq::new(DnsmasqSettings { hosts_files: vec![file.clone()], ..settings(&rig.server) });
    let same_address = Reservation { addresses: theirs.addresses.clone(), ..free };
    let results = (provider.reserve(&theirs, &us()).await, provider.reserve(&same_address, &us()).await);
    fs::remove_file(&file)?;
    refused(results.0, ErrorKind::Conflict, &theirs.mac.to_string())?;
    refused(results.1, ErrorKind::Conflict, &theirs.addresses[0].to_string())
}

async fn a_conflict_names_the_file(rig: &Rig) -> Result<(), Failure> {
    let theirs = DhcpHarness::fresh(rig);
    rig.seed_unmarked(&theirs).await?;
    let file = format!("by-hand-{}", theirs.host_name.as_deref().unwrap_or_default());
    refused(rig.provider.reserve(&theirs, &us()).await, ErrorKind::Conflict, &file)
}

async fn a_directory_that_does_not_exist_is_told(rig: &Rig) -> Result<(), Failure> {
    let hosts_directory = PathBuf::from("/nonexistent/hosts.d");
    let provider = Dnsmasq::new(DnsmasqSettings { hosts_directory, ..settings(&rig.server) });
    refused(provider.reserve(&DhcpHarness::fresh(rig), &us()).await, ErrorKind::NotFound, "/nonexistent/hosts.d")
}

async fn a_directory_that_cannot_be_written_is_denied(rig: &Rig) -> Result<(), Failure> {
    // No file can be made in sysfs, not even by root.
    let hosts_directory = PathBuf::from("/sys/kernel/mm");
    let provider = Dnsmasq::new(DnsmasqSettings { hosts_directory, ..settings(&rig.server) });
    refused(provider.reserve(&DhcpHarness::fresh(rig), &us()).await, ErrorKind::Denied, "/sys/kernel/mm")
}

async fn an_entry_that_somebody_edits_is_read_anew(rig: &Rig) -> Result<(), Failure> {
    let (ours, edited) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.provider.reserve(&ours, &us()).await?;
    // In place, so that only length or time of the file tell it.
    let file = rig.server.hosts_dir.join(format!("dip-{}", ours.mac.to_string().replace(':', "-")));
    fs::write(
        &file,
        fs::read_to_string(&file)?.replace(&ours.addresses[0].to_string(), &edited.addresses[0].to_string()),
    )?;
    let held = rig.provider.reservation(ours.mac).await?.ok_or("the reservation is gone")?;
    is("the address", &held.reservation.addresses[0].to_string(), &edited.addresses[0].to_string())
}

async fn what_dnsmasq_would_misread_is_refused(rig: &Rig) -> Result<(), Failure> {
    let lease_time = Reservation { host_name: Some("5m".to_owned()), ..DhcpHarness::fresh(rig) };
    refused(rig.provider.reserve(&lease_time, &us()).await, ErrorKind::Invalid, "`5m`")?;
    let mut two = DhcpHarness::fresh(rig);
    two.addresses.extend(DhcpHarness::fresh(rig).addresses);
    refused(rig.provider.reserve(&two, &us()).await, ErrorKind::Invalid, "one IPv4 address")?;
    let none = Reservation { addresses: Vec::new(), ..DhcpHarness::fresh(rig) };
    refused(rig.provider.reserve(&none, &us()).await, ErrorKind::Invalid, "one IPv4 address")
}

async fn no_hidden_file_is_left_behind(rig: &Rig) -> Result<(), Failure> {
    let mut left = Vec::new();
    for entry in fs::read_dir(&rig.server.hosts_dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            left.push(name);
        }
    }
    is("what is left", &left.join(" "), "")
}
