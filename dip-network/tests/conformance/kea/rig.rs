//! What all ways into Kea have in common.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, trials_of};
use dip_core::hardware::{Duid, MacAddr};
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::LocalSecrets;
use dip_lab::{BootQuestion, KeaHosts, KeaRelease, LabError, Lease, Lease6};
use dip_network::conformance::{self, DhcpClients, DhcpHarness};
use dip_network::provider::{BootClient, BootFiles, ClientArchitecture, Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::{HostsDatabase, KeaBackend, KeaSettings};
use serde_json::{Value, json};

use crate::by_dhcp::dhcp_and_ipam;
use crate::clients::{Clients, boot_url, is_told_its_files, question};
use crate::openvswitch::is;
use crate::wait;

/// The trials of every way into Kea.
pub(super) fn of_every_way(rig: &Arc<Rig>) -> Vec<Trial> {
    let mut trials = dhcp_and_ipam("kea", rig);
    trials.extend(trials_of! {rig;
        a_dhcpv6_client_gets_what_is_reserved_for_it
        a_dhcpv6_client_with_a_duid_of_its_own_is_told_the_url_of_its_boot_file
        a_client_behind_a_relay_gets_what_is_reserved_for_it
        a_client_behind_a_relay_is_told_its_boot_file
        a_lease_is_told
        a_conflict_says_who_holds_it
        an_address_of_no_subnet_is_refused
    });
    trials
}

pub(super) struct Rig {
    pub(super) server: Arc<dip_lab::Kea>,
    pub(super) provider: Arc<Kea>,
    numbers: AtomicU8,
}

impl Rig {
    pub(super) async fn new(server: dip_lab::Kea) -> Result<Self, Failure> {
        let provider = provider(&settings(&server)?)?;
        let rig = Self { server: Arc::new(server), provider: Arc::new(provider), numbers: AtomicU8::new(10) };
        if rig.server.database.is_some() {
            rig.prepare().await?;
        }
        Ok(rig)
    }

    /// Adds what refusals tell to configurations that dip does not write: on the server's segment, and behind a relay, in a shared network.
    async fn prepare(&self) -> Result<(), Failure> {
        for boot in conformance::trial_boot_files() {
            for address in ["10.77.1.7", "10.78.1.7"] {
                self.prepare_for(&boot, address.parse()?).await?;
            }
        }
        for boot in conformance::trial_boot_files6() {
            for address in ["fd77::7", "2001:db8::7"] {
                self.prepare_for(&boot, address.parse()?).await?;
            }
        }
        Ok(())
    }

    async fn prepare_for(&self, boot: &BootFiles, address: IpAddr) -> Result<(), Failure> {
        let fresh = DhcpHarness::fresh(self);
        let wanted = Reservation { boot: Some(boot.clone()), addresses: vec![address], ..fresh };
        // First the classes are missing, then what requires them in a shared network.
        for _ in 0..2 {
            let Err(refused) = self.provider.reserve(&wanted, &us()).await else { break };
            self.obey(&sentence(&refused), address).await?;
        }
        self.provider.reserve(&wanted, &us()).await?;
        Ok(self.provider.release(wanted.mac, &us()).await?)
    }

    /// Does what a refusal tells.
    async fn obey(&self, refusal: &str, address: IpAddr) -> Result<(), Failure> {
        let (place, added) =
            refusal.split_once("reload it: ").ok_or_else(|| format!("it does not say what to add: {refusal}"))?;
        let mut added = serde_json::Deserializer::from_str(added).into_iter::<Vec<Value>>();
        let added = added.next().ok_or("it tells nothing to add")??;
        let root = if address.is_ipv4() { "Dhcp4" } else { "Dhcp6" };
        is("that it says where", &place.contains(root).to_string(), "true")?;
        let mut config = match address {
            IpAddr::V4(_) => self.server.config().await?,
            IpAddr::V6(_) => self.server.config6().await?,
        };
        let body = &mut config[root];
        let required = required(self.server.release);
        let list = match place.contains(&format!("`{required}` of `floor`")) {
            true => &mut body["shared-networks"][0][required],
            false => &mut body["client-classes"],
        };
        *list = json!([list.as_array().cloned().unwrap_or_default(), added].concat());
        match address {
            IpAddr::V4(_) => self.server.command("config-set", config).await?,
            IpAddr::V6(_) => self.server.command6("config-set", config).await?,
        };
        Ok(())
    }
}

/// What a shared network calls the classes that are looked at again.
pub(super) const fn required(release: KeaRelease) -> &'static str {
    match release {
        KeaRelease::V2_2 => "require-client-classes",
        KeaRelease::V3_0 => "evaluate-additional-classes",
    }
}

pub(super) fn provider(settings: &KeaSettings) -> Result<Kea, Failure> {
    Ok(Kea::new(settings, &LocalSecrets::new(Path::new("/")))?)
}

/// A password in a file, where a site keeps it.
fn secret(server: &dip_lab::Kea, name: &str, text: &str) -> Result<dip_core::secret::SecretRef, Failure> {
    let file = server.file.with_file_name(name);
    std::fs::write(&file, text)?;
    Ok(format!("file:{}", file.display()).parse()?)
}

/// Its way over HTTP, and the hook or the database where there is one.
pub(super) fn settings(server: &dip_lab::Kea) -> Result<KeaSettings, Failure> {
    let (user, password) = dip_lab::Kea::LOGIN;
    let backend = (server.hosts == KeaHosts::Hook).then_some(KeaBackend::Hook);
    let database = server.database.as_ref().filter(|_| backend.is_none()).map(|database| {
        let (user, password) = dip_lab::Postgres::LOGIN;
        Ok::<_, Failure>(HostsDatabase {
            address: database.addr.to_string(),
            name: dip_lab::Postgres::DATABASE.to_owned(),
            user: user.to_owned(),
            password: Some(secret(server, "database-password", password)?),
        })
    });
    let [dhcp4, dhcp6] = server.control.clone().map(Some);
    Ok(KeaSettings {
        dhcp4,
        dhcp6,
        user: Some(user.to_owned()),
        password: Some(secret(server, "http-password", password)?),
        tls_ca: Some(server.tls.root.clone()),
        tls_certificate: Some(server.tls.certificate.clone()),
        tls_key: Some(format!("file:{}", server.tls.key.display()).parse()?),
        hosts_database: database.transpose()?,
        backend,
        networks: Vec::new(),
        boot: None,
    })
}

/// The same with a password that nobody has.
fn wrong(server: &dip_lab::Kea) -> Result<Kea, Failure> {
    let mut settings = settings(server)?;
    let wrong = Some(secret(server, "wrong-password", "wrong")?);
    match &mut settings.hosts_database {
        Some(database) => database.password = wrong,
        None => settings.password = wrong,
    }
    provider(&settings)
}

fn dead(server: &dip_lab::Kea) -> Result<Kea, Failure> {
    let mut settings = settings(server)?;
    match &mut settings.hosts_database {
        Some(database) => database.address = "127.0.0.1:1".to_owned(),
        None => settings.dhcp4 = Some("unix:/nonexistent/kea4.sock".to_owned()),
    }
    provider(&settings)
}

#[async_trait]
impl DhcpHarness for Rig {
    fn dhcp(&self) -> Arc<dyn Dhcp> {
        Arc::clone(&self.provider) as Arc<dyn Dhcp>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dhcp>> {
        Some(Arc::new(wrong(&self.server).expect("the settings are those of the lab")))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dhcp>> {
        Some(Arc::new(dead(&self.server).expect("the settings are those of the lab")))
    }

    fn fresh(&self) -> Reservation {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Reservation {
            mac: MacAddr([0x02, 0xd1, 0x70, 0, 1, number]),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 77, 1, number))],
            host_name: Some(format!("h{number}")),
            duid: None,
            boot: None,
        }
    }

    async fn seed_unmarked(&self, reservation: &Reservation) -> Result<Option<()>, Failure> {
        seed(&self.server, reservation).await.map(Some)
    }

    fn clients(&self) -> Option<Arc<dyn DhcpClients>> {
        let (server, behind) = (Arc::clone(&self.server), Arc::clone(&self.server));
        let clients = Clients::that(move |mac, says| asked_twice(|| wait(server.ask(mac, says))));
        let behind = move |mac: &str, says| asked_twice(|| wait(behind.ask6_behind_relay(mac, says)));
        Some(Arc::new(clients.and_over_ipv6(behind)))
    }
}

/// Writes a reservation as a person does, who reads the configuration, edits it and sets it again; or by SQL.
pub(super) async fn seed(server: &Arc<dip_lab::Kea>, reservation: &Reservation) -> Result<(), Failure> {
    let (server, reservation) = (Arc::clone(server), reservation.clone());
    let [IpAddr::V4(address)] = reservation.addresses[..] else { return Err("it has one IPv4 address".into()) };
    let name = reservation.host_name.as_deref().ok_or("fresh reservations have names")?;
    wait(async {
        if let Some(database) = &server.database {
            let mac = reservation.mac.to_string().replace(':', "");
            let insert = format!(
                "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address, hostname)
                 VALUES ('\\x{mac}', 0, 1, {}, '{name}')",
                address.to_bits()
            );
            database.sql(dip_lab::Postgres::DATABASE, &insert).await?;
            return Ok(());
        }
        let mut config = server.config().await?;
        let list = config["Dhcp4"]["subnet4"][0]["reservations"].as_array_mut().ok_or("a subnet has reservations")?;
        list.push(json!({"hw-address": reservation.mac, "ip-address": address, "hostname": name}));
        server.command("config-set", config).await?;
        Ok(())
    })
}

/// What a client gets. Kea hears nothing for a moment when its configuration is set, which other trials do: such a client asks again.
fn asked_twice<T>(ask: impl Fn() -> Result<Option<T>, LabError>) -> Result<Option<T>, LabError> {
    match ask()? {
        None => ask(),
        got => Ok(got),
    }
}

pub(super) fn lease(server: &dip_lab::Kea, mac: MacAddr) -> Result<Option<Lease>, LabError> {
    asked_twice(|| wait(server.lease(&mac.to_string())))
}

async fn a_dhcpv6_client_gets_what_is_reserved_for_it(rig: &Rig) -> Result<(), Failure> {
    let mut wanted = DhcpHarness::fresh(rig);
    // The last one asks by the UUID of its machine.
    let uuid = Duid::new(&[&[0, 4, 0x53, 0x1a, 0x6c], wanted.mac.0.as_slice()].concat());
    for (address, duid) in [("fd77::33", None), ("fd77::44", None), ("fd77::55", uuid)] {
        wanted.duid = duid;
        wanted.addresses.truncate(1);
        wanted.addresses.push(address.parse()?);
        rig.provider.reserve(&wanted, &us()).await?;
        is("the address", &ask6(rig, &wanted, None)?.address.to_string(), address)?;
    }
    Ok(())
}

/// What the client of a reservation gets over DHCPv6, on the server's own segment.
fn ask6(rig: &Rig, of: &Reservation, says: Option<BootQuestion>) -> Result<Lease6, Failure> {
    let ask = || wait(rig.server.ask6(&of.mac.to_string(), of.duid.as_ref().map(Duid::octets), says));
    Ok(asked_twice(ask)?.ok_or("the client got no lease")?)
}

/// It asks by the UUID of its machine, as firmware does (RFC 6355).
async fn a_dhcpv6_client_with_a_duid_of_its_own_is_told_the_url_of_its_boot_file(rig: &Rig) -> Result<(), Failure> {
    let [boot, _] = conformance::trial_boot_files6();
    let fresh = DhcpHarness::fresh(rig);
    let duid = Duid::new(&[&[0, 4, 0x53, 0x1a, 0x6d], fresh.mac.0.as_slice()].concat());
    let wanted = Reservation { addresses: vec!["fd77::66".parse()?], duid, boot: Some(boot.clone()), ..fresh };
    rig.provider.reserve(&wanted, &us()).await?;
    for (number, architecture) in [(11, ClientArchitecture::UefiArm64), (16, ClientArchitecture::HttpX64)] {
        let lease = ask6(rig, &wanted, Some(question(number, None)))?;
        is("the address", &lease.address.to_string(), "fd77::66")?;
        same("the URL", &boot_url(number, lease)?, &boot.url(BootClient::Firmware(architecture)))?;
    }
    // What does not boot from the network hears nothing of it.
    let lease = ask6(rig, &wanted, None)?;
    same("what a system hears", &(lease.boot_url, lease.vendor_class), &(None, None))?;
    rig.provider.release(wanted.mac, &us()).await?;
    Ok(())
}

async fn a_client_behind_a_relay_gets_what_is_reserved_for_it(rig: &Rig) -> Result<(), Failure> {
    let wanted = Reservation { addresses: vec!["10.78.1.7".parse()?], ..DhcpHarness::fresh(rig) };
    rig.provider.reserve(&wanted, &us()).await?;
    let lease = behind_relay(rig, &wanted, None)?;
    is("the address", &lease.address.to_string(), "10.78.1.7")?;
    is("the host name", &lease.host_name.unwrap_or_default(), wanted.host_name.as_deref().unwrap_or_default())
}

fn behind_relay(rig: &Rig, of: &Reservation, says: Option<BootQuestion>) -> Result<Lease, Failure> {
    let lease = asked_twice(|| wait(rig.server.ask_behind_relay(&of.mac.to_string(), says)))?;
    Ok(lease.ok_or("the client got no lease")?)
}

async fn a_client_behind_a_relay_is_told_its_boot_file(rig: &Rig) -> Result<(), Failure> {
    let [boot, _] = conformance::trial_boot_files();
    let fresh = DhcpHarness::fresh(rig);
    let wanted = Reservation { addresses: vec!["10.78.1.8".parse()?], boot: Some(boot), ..fresh };
    rig.provider.reserve(&wanted, &us()).await?;
    is_told_its_files(&wanted, |says| behind_relay(rig, &wanted, says))?;
    rig.provider.release(wanted.mac, &us()).await?;
    Ok(())
}

async fn a_lease_is_told(rig: &Rig) -> Result<(), Failure> {
    let mac = DhcpHarness::fresh(rig).mac;
    is("nobody knows it yet", &format!("{:?}", rig.provider.leases(mac).await?), "[]")?;
    let lease = lease(&rig.server, mac)?.ok_or("the client got no lease")?;
    is("the lease", &format!("{:?}", rig.provider.leases(mac).await?), &format!("[{}]", lease.address))
}

async fn a_conflict_says_who_holds_it(rig: &Rig) -> Result<(), Failure> {
    let (theirs, free) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.seed_unmarked(&theirs).await?;
    let wanted = Reservation { addresses: theirs.addresses.clone(), ..free };
    let words = format!("{} is held by a reservation without a mark of dip, for {}", theirs.addresses[0], theirs.mac);
    refused(rig.provider.reserve(&wanted, &us()).await, ErrorKind::Conflict, &words)
}

async fn an_address_of_no_subnet_is_refused(rig: &Rig) -> Result<(), Failure> {
    let wanted = Reservation { addresses: vec!["192.0.2.7".parse()?], ..DhcpHarness::fresh(rig) };
    let words = "Kea serves no subnet that 192.0.2.7 is in";
    refused(rig.provider.reserve(&wanted, &us()).await, ErrorKind::Invalid, words)
}

/// Of a server that answers at a control socket of DHCPv4, and has nothing else.
pub(super) fn by_socket4(socket: &Path) -> KeaSettings {
    KeaSettings {
        dhcp4: Some(format!("unix:{}", socket.display())),
        dhcp6: None,
        user: None,
        password: None,
        tls_ca: None,
        tls_certificate: None,
        tls_key: None,
        hosts_database: None,
        backend: None,
        networks: Vec::new(),
        boot: None,
    }
}
