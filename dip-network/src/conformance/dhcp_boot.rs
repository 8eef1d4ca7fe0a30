//! The trials of [`Dhcp`](crate::provider::Dhcp) that are about what machines boot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use dip_core::conformance::expect::{fails, ignored, same, us};
use dip_core::conformance::{Failure, Verdict};
use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, sentence};

use super::dhcp::{DhcpClients, DhcpHarness, ours, with_v6};
use crate::provider::{BootClient, BootFiles, BootServers, ClientArchitecture, Dhcp, Reservation};

type Harness = Arc<dyn DhcpHarness>;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 5);
const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 5);

/// The boot files of the trials, which site [`us`] has. Where somebody else than dip has to tell the server of them, he does so beforehand.
#[must_use]
pub fn trial_boot_files() -> [BootFiles; 2] {
    ["boot/first.kpxe", "boot/second.kpxe"].map(|bios| {
        let file = |client: BootClient| match client {
            BootClient::Firmware(ClientArchitecture::Bios) => bios.to_owned(),
            client if client.is_http() => format!("http://10.77.0.5/{}.efi", client.word()),
            client => format!("boot/{}", client.word()),
        };
        BootFiles::new(SERVER, BootClient::ALL.map(|client| (client, file(client)))).expect("they can be told")
    })
}

/// The same where the server has an IPv6 address too: over DHCPv6 each is a URL there.
#[must_use]
pub fn trial_boot_files6() -> [BootFiles; 2] {
    trial_boot_files().map(|boot| {
        let files = boot.iter().map(|(client, file)| (client, file.to_owned()));
        BootFiles::new(BootServers::Both(SERVER, SERVER6), files).expect("they can be told")
    })
}

/// Everything that a client hears must be its own file.
async fn hears(clients: &dyn DhcpClients, mac: MacAddr, boot: Option<&BootFiles>) -> Result<(), Failure> {
    for architecture in ClientArchitecture::ALL {
        let file = boot.and_then(|boot| boot.file(BootClient::Firmware(architecture)));
        let wanted = file.map(|file| (SERVER, file.to_owned()));
        for number in architecture.numbers() {
            let what = format!("what a client of architecture {number} boots");
            same(&what, &clients.boot(mac, *number, None).await?, &wanted)?;
        }
    }
    let wanted = boot.and_then(|boot| boot.file(BootClient::Ipxe)).map(|file| (SERVER, file.to_owned()));
    same("what iPXE boots", &clients.boot(mac, 7, Some("iPXE")).await?, &wanted)
}

/// Makes a reservation with boot files twice, and one of another machine without; why a server that cannot tell any does not.
async fn cannot_tell(dhcp: &dyn Dhcp, wanted: &Reservation, plain: &Reservation) -> Result<Option<String>, Failure> {
    match dhcp.reserve(wanted, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Some(sentence(&error))),
        reserved => reserved?,
    }
    holds(dhcp, wanted).await?;
    holds(dhcp, plain).await?;
    Ok(None)
}

/// Makes a reservation, which is there afterwards.
async fn holds(dhcp: &dyn Dhcp, wanted: &Reservation) -> Result<(), Failure> {
    dhcp.reserve(wanted, &us()).await?;
    ours(dhcp.reservation(wanted.mac).await?, wanted)
}

pub(super) async fn each_firmware_is_told_its_own_boot_file(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, plain) = (harness.dhcp(), harness.fresh());
    let [first, second] = trial_boot_files();
    let wanted = Reservation { boot: Some(first.clone()), ..harness.fresh() };
    if let Some(why) = cannot_tell(&*dhcp, &wanted, &plain).await? {
        return ignored(&why);
    }
    let clients = harness.clients();
    if let Some(clients) = &clients {
        hears(&**clients, wanted.mac, Some(&first)).await?;
        same("what another machine boots", &clients.boot(plain.mac, 7, None).await?, &None)?;
    }
    let changed = Reservation { boot: Some(second), ..wanted.clone() };
    holds(&*dhcp, &changed).await?;
    if let Some(clients) = &clients {
        let told = clients.boot(wanted.mac, 0, None).await?;
        same("what it boots after a change", &told, &Some((SERVER, "boot/second.kpxe".to_owned())))?;
    }
    let without = Reservation { boot: None, ..wanted };
    holds(&*dhcp, &without).await?;
    if let Some(clients) = &clients {
        same("what it boots without boot files", &clients.boot(without.mac, 0, None).await?, &None)?;
    }
    dhcp.release(without.mac, &us()).await?;
    Ok(Verdict::Passed)
}

/// The same over DHCPv6, where each client hears a URL.
async fn hears6(clients: &dyn DhcpClients, mac: MacAddr, boot: Option<&BootFiles>) -> Result<(), Failure> {
    for architecture in ClientArchitecture::ALL {
        let wanted = boot.and_then(|boot| boot.url(BootClient::Firmware(architecture)));
        for number in architecture.numbers() {
            let what = format!("what a DHCPv6 client of architecture {number} boots");
            same(&what, &clients.boot6(mac, *number, None).await?, &wanted)?;
        }
    }
    let wanted = boot.and_then(|boot| boot.url(BootClient::Ipxe));
    same("what iPXE boots over IPv6", &clients.boot6(mac, 7, Some("iPXE")).await?, &wanted)
}

pub(super) async fn each_firmware_is_told_the_url_of_its_boot_file_over_dhcpv6(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (dhcp, plain) = (harness.dhcp(), with_v6(harness.fresh()));
    let [first, second] = trial_boot_files6();
    let wanted = Reservation { boot: Some(first.clone()), ..with_v6(harness.fresh()) };
    if let Some(why) = cannot_tell(&*dhcp, &wanted, &plain).await? {
        return ignored(&why);
    }
    let clients = harness.clients();
    if let Some(clients) = &clients {
        hears(&**clients, wanted.mac, Some(&first)).await?;
        hears6(&**clients, wanted.mac, Some(&first)).await?;
        same("what another machine boots", &clients.boot6(plain.mac, 7, None).await?, &None)?;
    }
    // Without its IPv4 address it hears them over DHCPv6 alone.
    let mut alone = Reservation { boot: Some(second.clone()), ..wanted.clone() };
    alone.addresses.retain(IpAddr::is_ipv6);
    holds(&*dhcp, &alone).await?;
    if let Some(clients) = &clients {
        let told = clients.boot6(wanted.mac, 0, None).await?;
        same("what it boots after a change", &told, &second.url(BootClient::Firmware(ClientArchitecture::Bios)))?;
    }
    let without = Reservation { boot: None, ..wanted };
    holds(&*dhcp, &without).await?;
    if let Some(clients) = &clients {
        same("what it boots without boot files", &clients.boot6(without.mac, 0, None).await?, &None)?;
    }
    dhcp.release(without.mac, &us()).await?;
    Ok(Verdict::Passed)
}

pub(super) async fn boot_files_without_an_ipv4_address_are_refused(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, boot) = (harness.dhcp(), trial_boot_files()[0].clone());
    let fresh = harness.fresh();
    let wanted = Reservation { boot: Some(boot), addresses: vec!["2001:db8::77".parse()?], ..fresh };
    match dhcp.reserve(&wanted, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return ignored(&sentence(&error)),
        refused => fails("reserving", refused, ErrorKind::Invalid)?,
    }
    same("what is left of it", &dhcp.reservation(wanted.mac).await?, &None)?;
    Ok(Verdict::Passed)
}
