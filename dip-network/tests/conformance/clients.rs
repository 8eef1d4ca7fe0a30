//! Real clients of the lab's DHCP servers: what they get, and what they boot from the network.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::conformance::expect::same;
use dip_core::hardware::MacAddr;
use dip_lab::{BootQuestion, LabError, Lease, Lease6};
use dip_network::conformance::DhcpClients;
use dip_network::provider::{BootClient, ClientArchitecture, Reservation};

/// How a client asks its server: by its hardware address, and with what it says of itself where it boots from the network.
type Ask = dyn Fn(&str, Option<BootQuestion>) -> Result<Option<Lease>, LabError> + Send + Sync;

/// The same over DHCPv6.
type Ask6 = dyn Fn(&str, Option<BootQuestion>) -> Result<Option<Lease6>, LabError> + Send + Sync;

/// The clients of a server of the lab.
pub(crate) struct Clients {
    ask: Box<Ask>,
    ask6: Option<Box<Ask6>>,
}

impl Clients {
    pub(crate) fn that(
        ask: impl Fn(&str, Option<BootQuestion>) -> Result<Option<Lease>, LabError> + Send + Sync + 'static,
    ) -> Self {
        Self { ask: Box::new(ask), ask6: None }
    }

    /// The same who ask over DHCPv6 too.
    pub(crate) fn and_over_ipv6(
        self,
        ask6: impl Fn(&str, Option<BootQuestion>) -> Result<Option<Lease6>, LabError> + Send + Sync + 'static,
    ) -> Self {
        Self { ask6: Some(Box::new(ask6)), ..self }
    }
}

/// What a client of an architecture says of itself.
pub(crate) fn question(architecture: u16, user_class: Option<&'static str>) -> BootQuestion {
    let vendor_class =
        if is_http(architecture) { "HTTPClient:Arch:00016:UNDI:003001" } else { "PXEClient:Arch:00007:UNDI:003016" };
    BootQuestion { architecture, vendor_class, user_class }
}

fn is_http(architecture: u16) -> bool {
    ClientArchitecture::of(architecture).is_some_and(ClientArchitecture::is_http)
}

/// Server and boot file of an answer, which one that loads over HTTP takes only if it is to its class.
pub(crate) fn boot_file(architecture: u16, lease: Lease) -> Result<Option<(Ipv4Addr, String)>, Failure> {
    let Some(file) = lease.boot_file else { return Ok(None) };
    if is_http(architecture) && lease.vendor_class.as_deref() != Some("HTTPClient") {
        return Err(format!("an HTTP client is answered as {:?}", lease.vendor_class).into());
    }
    Ok(Some((lease.next_server.ok_or("a boot file without a server")?, file)))
}

/// The URL of an answer over DHCPv6. One that loads over HTTP wants `HTTPClient` in it after the number of the vendor and the length, and
/// no other hears that.
pub(crate) fn boot_url(architecture: u16, lease: Lease6) -> Result<Option<String>, Failure> {
    let Lease6 { boot_url: Some(url), vendor_class, .. } = lease else { return Ok(None) };
    let http = "0:0:1:57:0:a:48:54:54:50:43:6c:69:65:6e:74";
    match vendor_class.as_deref() == is_http(architecture).then_some(http) {
        true => Ok(Some(url)),
        false => Err(format!("a client of architecture {architecture} is answered as {vendor_class:?}").into()),
    }
}

#[async_trait]
impl DhcpClients for Clients {
    async fn lease(&self, mac: MacAddr) -> Result<Option<IpAddr>, Failure> {
        Ok((self.ask)(&mac.to_string(), None)?.map(|lease| IpAddr::V4(lease.address)))
    }

    async fn boot(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<(Ipv4Addr, String)>, Failure> {
        let says = question(architecture, user_class);
        boot_file(architecture, (self.ask)(&mac.to_string(), Some(says))?.ok_or("the client got no lease")?)
    }

    async fn boot6(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<String>, Failure> {
        let ask6 = self.ask6.as_ref().ok_or("nobody asks this server over DHCPv6")?;
        let lease = ask6(&mac.to_string(), Some(question(architecture, user_class)))?;
        boot_url(architecture, lease.ok_or("the client got no lease")?)
    }
}

/// Clients of each kind of firmware hear of their own file of a reservation, however they reach the server.
pub(crate) fn is_told_its_files(
    of: &Reservation,
    ask: impl Fn(Option<BootQuestion>) -> Result<Lease, Failure>,
) -> Result<(), Failure> {
    let boot = of.boot.as_ref().ok_or("it has boot files")?;
    for (number, user_class, client) in [
        (0, None, BootClient::Firmware(ClientArchitecture::Bios)),
        (7, None, BootClient::Firmware(ClientArchitecture::UefiX64)),
        (16, None, BootClient::Firmware(ClientArchitecture::HttpX64)),
        (7, Some("iPXE"), BootClient::Ipxe),
    ] {
        let lease = ask(Some(question(number, user_class)))?;
        same("the address", &IpAddr::V4(lease.address), &of.addresses[0])?;
        let wanted = boot.server().zip(boot.file(client).map(str::to_owned));
        same(&format!("what {} is told", client.word()), &boot_file(number, lease)?, &wanted)?;
    }
    Ok(())
}
