//! ISC dhcpd under trial, by OMAPI; ISC dhclient is its client, and `omshell` a second opinion of what is in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{them, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, Holder, ProviderError, Retry, sentence};
use dip_core::secret::{LocalSecrets, SecretRef};
use dip_lab::Requirement;
use dip_network::conformance::{self, DhcpClients, DhcpHarness};
use dip_network::provider::{BootFiles, Dhcp, Reservation};
use dip_network::providers::isc_dhcpd::IscDhcpd;
use dip_network::settings::{IscDhcpdSettings, KeyAlgorithm};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::by_dhcp::dhcp_and_ipam;
use crate::clients::{Clients, is_told_its_files};
use crate::openvswitch::is;
use crate::{step, wait};

const SERVER: &str = "isc-dhcpd";

/// A dhcpd, asked with what its files tell or without.
struct Rig {
    server: Arc<dip_lab::IscDhcpd>,
    provider: Arc<IscDhcpd>,
    settings: IscDhcpdSettings,
    numbers: AtomicU8,
}

pub(crate) async fn trials() -> Vec<Trial> {
    let check = || Requirement::IscDhcpd.check();
    let (mut all, by_omapi) = tokio::join!(
        on_server(SERVER, check(), Rig::start(true), |rig| {
            let mut trials = dhcp_and_ipam(SERVER, &rig);
            trials.extend(trials_of! {rig;
                the_step_reserves_and_a_real_client_gets_address_and_name
                a_client_behind_a_relay_gets_what_is_reserved_for_it
                a_client_behind_a_relay_is_told_its_boot_file
                boot_files_over_dhcpv6_are_refused_before_anything_is_sent
                omshell_sees_what_dip_made_and_dip_what_omshell_made
                a_host_of_the_configuration_is_a_conflict_and_can_be_claimed_where_it_is_plain
                a_host_that_says_more_than_dip_keeps_is_not_claimed
                a_key_that_the_server_does_not_take_is_denied
                a_port_of_something_else_is_told
                an_answer_that_comes_late_is_waited_for
                a_secret_that_is_not_base64_is_told_before_anything_is_sent
                what_dhcpd_could_not_keep_is_refused
            });
            trials
        }),
        on_server("isc-dhcpd-by-omapi-alone", check(), Rig::start(false), |rig| trials_of! {rig;
            without_files_other_sites_are_a_conflict_and_there_is_no_list
            a_key_of_sha256_is_as_good
            reservations_outlast_the_server
        })
    );
    all.extend(by_omapi);
    all
}

impl Rig {
    async fn start(with_files: bool) -> Result<Self, Failure> {
        let server = Arc::new(dip_lab::IscDhcpd::start().await?);
        let mut settings = settings(&server, 0)?;
        if with_files {
            settings.lease_file = Some(server.lease_file.clone());
            settings.hosts_files = vec![server.file.clone()];
        }
        Ok(Self { provider: Arc::new(provider(&settings)?), server, settings, numbers: AtomicU8::new(10) })
    }

    /// A provider with other settings.
    fn with(&self, change: impl FnOnce(&mut IscDhcpdSettings)) -> Result<IscDhcpd, Failure> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        provider(&settings)
    }
}

fn provider(settings: &IscDhcpdSettings) -> Result<IscDhcpd, Failure> {
    Ok(IscDhcpd::new(settings, &LocalSecrets::new(Path::new("/")))?)
}

fn settings(server: &dip_lab::IscDhcpd, key: usize) -> Result<IscDhcpdSettings, Failure> {
    let (name, algorithm, text) = dip_lab::IscDhcpd::KEYS[key];
    Ok(IscDhcpdSettings {
        address: server.omapi.to_string(),
        key: name.to_owned(),
        algorithm: serde_json::from_value(json!(algorithm))?,
        secret: secret(server, name, text)?,
        lease_file: None,
        hosts_files: Vec::new(),
        networks: Vec::new(),
        boot: None,
    })
}

fn secret(server: &dip_lab::IscDhcpd, name: &str, text: &str) -> Result<SecretRef, Failure> {
    let file = server.file.with_file_name(format!("{name}.secret"));
    std::fs::write(&file, text)?;
    Ok(format!("file:{}", file.display()).parse()?)
}

#[async_trait]
impl DhcpHarness for Rig {
    fn dhcp(&self) -> Arc<dyn Dhcp> {
        Arc::clone(&self.provider) as Arc<dyn Dhcp>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dhcp>> {
        let wrong = secret(&self.server, "wrong", "bm90LXRoZS1zZWNyZXQ=").expect("it can be written");
        Some(Arc::new(self.with(|settings| settings.secret = wrong).expect("the settings are those of the lab")))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dhcp>> {
        let dead = self.with(|settings| settings.address = "127.0.0.1:1".to_owned());
        Some(Arc::new(dead.expect("the settings are those of the lab")))
    }

    fn fresh(&self) -> Reservation {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Reservation {
            mac: MacAddr([0x02, 0xd1, 0x70, 0, 2, number]),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 77, 1, number))],
            host_name: Some(format!("h{number}")),
            duid: None,
            boot: None,
        }
    }

    async fn seed_unmarked(&self, reservation: &Reservation) -> Result<Option<()>, Failure> {
        let name = reservation.host_name.as_deref().ok_or("fresh reservations have names")?;
        let more = format!("set statements = \"option host-name \\\"{name}\\\";\"\n");
        seed(&self.server, name, reservation, &more)?;
        Ok(Some(()))
    }

    fn clients(&self) -> Option<Arc<dyn DhcpClients>> {
        let server = Arc::clone(&self.server);
        Some(Arc::new(Clients::that(move |mac, says| wait(server.ask(mac, says)))))
    }
}

/// Makes a host as a person does who has the key.
fn seed(server: &dip_lab::IscDhcpd, name: &str, reservation: &Reservation, more: &str) -> Result<(), Failure> {
    let [IpAddr::V4(address)] = reservation.addresses[..] else { return Err("it has one IPv4 address".into()) };
    let typed = format!(
        "new host\nset name = \"{name}\"\nset hardware-address = {}\nset hardware-type = 1\nset ip-address = {address}\n{more}create\n",
        reservation.mac
    );
    let told = wait(server.omshell(&typed))?;
    match told.contains("can't") || !told.contains("ip-address") {
        true => Err(format!("omshell did not make the host: {told}").into()),
        false => Ok(()),
    }
}

fn refused<T>(result: Result<T, ProviderError>, kind: ErrorKind, words: &str) -> Result<(), Failure> {
    let retry = if kind == ErrorKind::Unreachable { Retry::Backoff } else { Retry::Never };
    match result {
        Err(error) if error.kind() == kind && error.retry() == retry && sentence(&error).contains(words) => Ok(()),
        Err(error) => Err(format!("it should fail as {kind} with `{words}`: {}", sentence(&error)).into()),
        Ok(_) => Err(format!("it should fail as {kind} with `{words}`").into()),
    }
}

async fn the_step_reserves_and_a_real_client_gets_address_and_name(rig: &Rig) -> Result<(), Failure> {
    let (mac, address) = ("02:d1:70:00:02:01", "10.77.3.1");
    let settings = serde_json::to_value(&rig.settings)?;
    let site = step::with_dhcp(step::site()?, SERVER, settings, mac, address)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [reserve] = steps.as_slice() else { return Err(format!("{steps:?} is not one step").into()) };
    step::bring_about(reserve, &providers).await?;
    let lease = wait(rig.server.lease(mac))?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), address)?;
    is("the host name", lease.host_name.as_deref().unwrap_or_default(), "n1")
}

async fn a_client_behind_a_relay_gets_what_is_reserved_for_it(rig: &Rig) -> Result<(), Failure> {
    let wanted = Reservation { addresses: vec!["10.78.1.7".parse()?], ..DhcpHarness::fresh(rig) };
    rig.provider.reserve(&wanted, &us()).await?;
    let lease = wait(rig.server.ask_behind_relay(&wanted.mac.to_string(), None))?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), "10.78.1.7")?;
    is("the host name", &lease.host_name.unwrap_or_default(), wanted.host_name.as_deref().unwrap_or_default())
}

async fn a_client_behind_a_relay_is_told_its_boot_file(rig: &Rig) -> Result<(), Failure> {
    let [boot, _] = conformance::trial_boot_files();
    let fresh = DhcpHarness::fresh(rig);
    let wanted = Reservation { addresses: vec!["10.78.1.8".parse()?], boot: Some(boot), ..fresh };
    rig.provider.reserve(&wanted, &us()).await?;
    let mac = wanted.mac.to_string();
    is_told_its_files(&wanted, |says| {
        Ok(wait(rig.server.ask_behind_relay(&mac, says))?.ok_or("the client got no lease")?)
    })?;
    rig.provider.release(wanted.mac, &us()).await?;
    Ok(())
}

async fn boot_files_over_dhcpv6_are_refused_before_anything_is_sent(rig: &Rig) -> Result<(), Failure> {
    let [boot, _] = conformance::trial_boot_files6();
    let told = rig.with(|settings| settings.boot = Some(boot.clone())).err().ok_or("it is taken")?.to_string();
    let words = "`server6` (fd77::5) of `boot`: a host of OMAPI has no IPv6 address";
    is("that it tells why", &told.contains(words).to_string(), "true")?;
    let files = boot.iter().map(|(client, file)| (client, file.replace("10.77.0.5", "boot.example")));
    let server6 = boot.server6().ok_or("it has one")?;
    let alone = BootFiles::new(server6, files)?;
    let wanted = Reservation { boot: Some(alone), ..DhcpHarness::fresh(rig) };
    refused(rig.provider.reserve(&wanted, &us()).await, ErrorKind::Unsupported, "serve DHCPv6 by Kea")
}

async fn omshell_sees_what_dip_made_and_dip_what_omshell_made(rig: &Rig) -> Result<(), Failure> {
    let (ours, theirs) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.provider.reserve(&ours, &us()).await?;
    let look = |mac: MacAddr| {
        wait(rig.server.omshell(&format!("new host\nset hardware-address = {mac}\nset hardware-type = 1\nopen\n")))
    };
    let told = look(ours.mac)?;
    let name = format!("name = \"dip.conformance.m{}.h-", ours.mac.to_string().replace(':', ""));
    let IpAddr::V4(address) = ours.addresses[0] else { return Err("it is IPv4".into()) };
    let octets = address.octets().map(|octet| format!("{octet:02x}")).join(":");
    for wanted in [name.as_str(), &format!("ip-address = {octets}")] {
        if !told.contains(wanted) {
            return Err(format!("omshell does not tell `{wanted}`: {told}").into());
        }
    }
    rig.provider.release(ours.mac, &us()).await?;
    let told = look(ours.mac)?;
    is("that omshell finds it still", &told.contains("ip-address").to_string(), "false")?;
    rig.seed_unmarked(&theirs).await?;
    let held = rig.provider.reservation(theirs.mac).await?.ok_or("dip does not see what omshell made")?;
    is("its address", &held.reservation.addresses[0].to_string(), &theirs.addresses[0].to_string())
}

async fn a_host_of_the_configuration_is_a_conflict_and_can_be_claimed_where_it_is_plain(
    rig: &Rig,
) -> Result<(), Failure> {
    let (name, mac, address) = dip_lab::IscDhcpd::DECLARED;
    let mac: MacAddr = mac.parse()?;
    let wanted = Reservation { addresses: vec![address.into()], ..DhcpHarness::fresh(rig) };
    let words = format!("{address} is held by a host without a mark of dip, the host `{name}` found in ");
    refused(rig.provider.reserve(&wanted, &us()).await, ErrorKind::Conflict, &words)?;
    refused(rig.provider.release(mac, &us()).await, ErrorKind::Conflict, name)?;
    is("what the client gets", &rig.client(mac)?, &address.to_string())?;
    rig.provider.claim(mac, &Holder::Nobody, &us()).await?;
    is("what the client gets, claimed", &rig.client(mac)?, &address.to_string())?;
    rig.provider.release(mac, &us()).await?;
    rig.provider.reserve(&wanted, &us()).await?;
    is("what another client gets", &rig.client(wanted.mac)?, &address.to_string())?;
    rig.provider.release(wanted.mac, &us()).await?;
    Ok(())
}

impl Rig {
    /// The address that a real client gets.
    fn client(&self, mac: MacAddr) -> Result<String, Failure> {
        let lease = wait(self.server.lease(&mac.to_string()))?.ok_or("the client got no lease")?;
        Ok(lease.address.to_string())
    }
}

async fn a_host_that_says_more_than_dip_keeps_is_not_claimed(rig: &Rig) -> Result<(), Failure> {
    let theirs = DhcpHarness::fresh(rig);
    let more = "set statements = \"option root-path \\\"/srv\\\";\"\n";
    seed(&rig.server, "by-hand", &theirs, more)?;
    let before = rig.provider.reservation(theirs.mac).await?;
    let words = "says more than address and host name";
    refused(rig.provider.claim(theirs.mac, &Holder::Nobody, &us()).await, ErrorKind::Conflict, words)?;
    let blind = rig.with(|settings| (settings.lease_file, settings.hosts_files) = (None, Vec::new()))?;
    let words = "stands in no file that dip reads";
    refused(blind.claim(theirs.mac, &Holder::Nobody, &us()).await, ErrorKind::Conflict, words)?;
    is("what is left of it", &format!("{:?}", rig.provider.reservation(theirs.mac).await?), &format!("{before:?}"))
}

async fn a_key_that_the_server_does_not_take_is_denied(rig: &Rig) -> Result<(), Failure> {
    let mac = DhcpHarness::fresh(rig).mac;
    let unknown = rig.with(|settings| settings.key = "nobodys-key".to_owned())?;
    refused(unknown.reservation(mac).await, ErrorKind::Denied, "refuses the key `nobodys-key`")?;
    let other = settings(&rig.server, 1)?;
    let wrong = rig.with(|settings| *settings = other)?;
    refused(wrong.reservation(mac).await, ErrorKind::Denied, "refuses the key `other-key`")?;
    let algorithm = rig.with(|settings| settings.algorithm = KeyAlgorithm::HmacSha256)?;
    let words = "compare `key`, `algorithm` and `secret` with the `omapi-key` of dhcpd.conf";
    refused(algorithm.reservation(mac).await, ErrorKind::Denied, words)
}

async fn a_port_of_something_else_is_told(rig: &Rig) -> Result<(), Failure> {
    let stranger = TcpListener::bind("127.0.0.1:0").await?;
    let address = stranger.local_addr()?;
    let talk = async {
        let (mut client, _) = stranger.accept().await?;
        tokio::io::AsyncWriteExt::write_all(&mut client, b"SSH-2.0-OpenSSH_9.2\r\n").await
    };
    let provider = rig.with(|settings| settings.address = address.to_string())?;
    let (looked, talked) = tokio::join!(provider.reservation(DhcpHarness::fresh(rig).mac), talk);
    talked?;
    refused(looked, ErrorKind::Unexpected, "answers something that is not OMAPI")
}

/// Every byte waits, and there are many: what is read in parts is one message all the same.
async fn an_answer_that_comes_late_is_waited_for(rig: &Rig) -> Result<(), Failure> {
    let (slow, server) = (TcpListener::bind("127.0.0.1:0").await?, rig.server.omapi);
    let address = slow.local_addr()?;
    let task = tokio::spawn(async move {
        while let Ok((client, _)) = slow.accept().await {
            tokio::spawn(forward_slowly(client, server));
        }
    });
    let provider = rig.with(|settings| settings.address = address.to_string())?;
    let wanted = DhcpHarness::fresh(rig);
    let reserved = provider.reserve(&wanted, &us()).await;
    let held = provider.reservation(wanted.mac).await;
    task.abort();
    reserved?;
    is("whether it is there", &held?.is_some_and(|held| held.reservation.agrees_with(&wanted)).to_string(), "true")
}

async fn forward_slowly(client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let (mut near, mut far) = (client, TcpStream::connect(server).await?);
    let (far_read, mut far_write) = far.split();
    let (mut near_read, near_write) = near.split();
    let answers = async {
        let mut byte = [0];
        loop {
            far_read.readable().await?;
            match far_read.try_read(&mut byte) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            sleep(Duration::from_millis(1)).await;
            near_write.writable().await?;
            near_write.try_write(&byte)?;
        }
    };
    tokio::try_join!(answers, async { tokio::io::copy(&mut near_read, &mut far_write).await.map(drop) }).map(drop)
}

async fn a_secret_that_is_not_base64_is_told_before_anything_is_sent(rig: &Rig) -> Result<(), Failure> {
    let plain = secret(&rig.server, "plain", "not base64!")?;
    let told = rig.with(|settings| settings.secret = plain).err().ok_or("it is taken")?.to_string();
    is("that it tells the secret", &told.contains("not base64!").to_string(), "false")?;
    is("that it tells what is wrong", &told.contains("is not in base64").to_string(), "true")
}

async fn what_dhcpd_could_not_keep_is_refused(rig: &Rig) -> Result<(), Failure> {
    let fresh = || DhcpHarness::fresh(rig);
    let v6 = Reservation { addresses: vec!["fd77::7".parse()?], ..fresh() };
    let words = "fd77::7 is an IPv6 address, which a host of OMAPI cannot have";
    refused(rig.provider.reserve(&v6, &us()).await, ErrorKind::Unsupported, words)?;
    let two = Reservation { addresses: [fresh().addresses, fresh().addresses].concat(), ..fresh() };
    refused(rig.provider.reserve(&two, &us()).await, ErrorKind::Invalid, "one IPv4 address")?;
    // A name that ends the statement that it stands in.
    let named = Reservation { host_name: Some("n1\"; filename \"x".to_owned()), ..fresh() };
    refused(rig.provider.reserve(&named, &us()).await, ErrorKind::Invalid, "is no host name")
}

async fn without_files_other_sites_are_a_conflict_and_there_is_no_list(rig: &Rig) -> Result<(), Failure> {
    let (theirs, ours, free) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.provider.reserve(&theirs, &them()).await?;
    rig.provider.reserve(&ours, &us()).await?;
    let same_address = Reservation { addresses: theirs.addresses.clone(), ..free.clone() };
    refused(rig.provider.reserve(&same_address, &us()).await, ErrorKind::Conflict, "is held by site `")?;
    refused(rig.provider.release(theirs.mac, &us()).await, ErrorKind::Conflict, "is held by site `")?;
    let moved = Reservation { mac: free.mac, ..ours.clone() };
    rig.provider.reserve(&moved, &us()).await?;
    is("the former", &format!("{:?}", rig.provider.reservation(ours.mac).await?), "None")?;
    refused(rig.provider.list().await, ErrorKind::Unsupported, "OMAPI does not list hosts")
}

async fn a_key_of_sha256_is_as_good(rig: &Rig) -> Result<(), Failure> {
    let server = wait(dip_lab::IscDhcpd::start_with_key(1))?;
    let provider = provider(&settings(&server, 1)?)?;
    let wanted = DhcpHarness::fresh(rig);
    provider.reserve(&wanted, &us()).await?;
    let held = provider.reservation(wanted.mac).await?.ok_or("it is not there")?;
    is("the same", &held.reservation.agrees_with(&wanted).to_string(), "true")
}

/// The server that is stopped is one of its own: others are asked meanwhile.
async fn reservations_outlast_the_server(rig: &Rig) -> Result<(), Failure> {
    let mut server = wait(dip_lab::IscDhcpd::start())?;
    let mut settings = settings(&server, 0)?;
    settings.lease_file = Some(server.lease_file.clone());
    let provider = provider(&settings)?;
    let (kept, gone) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    // Names that a parser of numbers could stumble over.
    let numbered = Reservation { host_name: Some("1e5".to_owned()), ..DhcpHarness::fresh(rig) };
    for wanted in [&kept, &gone, &numbered] {
        provider.reserve(wanted, &us()).await?;
    }
    provider.release(gone.mac, &us()).await?;
    server.stop();
    refused(provider.reservation(kept.mac).await, ErrorKind::Unreachable, "start dhcpd")?;
    refused(provider.list().await, ErrorKind::Unreachable, "start dhcpd")?;
    wait(server.restart())?;
    for wanted in [&kept, &numbered] {
        let held = provider.reservation(wanted.mac).await?.ok_or("it is gone")?;
        is("the same", &held.reservation.agrees_with(wanted).to_string(), "true")?;
    }
    is("what was released", &format!("{:?}", provider.reservation(gone.mac).await?), "None")?;
    is("the list", &provider.list().await?.len().to_string(), "2")?;
    let lease = wait(server.lease(&kept.mac.to_string()))?.ok_or("the client got no lease")?;
    is("the lease", &lease.address.to_string(), &kept.addresses[0].to_string())
}
