//! Real clients of the lab's DHCP servers: what they get, and what they boot from the network.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::MacAddr;
use dip_lab::{BootQuestion, LabError, Lease};
use dip_network::conformance::DhcpClients;
use dip_network::provider::ClientArchitecture;

/// How a client asks its server: by its hardware address, and with what it says of itself where it boots from the network.
type Ask = dyn Fn(&str, Option<BootQuestion>) -> Result<Option<Lease>, LabError> + Send + Sync;

/// The clients of a server of the lab.
pub(crate) struct Clients(Box<Ask>);

impl Clients {
    pub(crate) fn that(
        ask: impl Fn(&str, Option<BootQuestion>) -> Result<Option<Lease>, LabError> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(ask))
    }
}

#[async_trait]
impl DhcpClients for Clients {
    async fn lease(&self, mac: MacAddr) -> Result<Option<IpAddr>, Failure> {
        Ok((self.0)(&mac.to_string(), None)?.map(|lease| IpAddr::V4(lease.address)))
    }

    async fn boot(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<(Ipv4Addr, String)>, Failure> {
        let is_http = ClientArchitecture::of(architecture).is_some_and(ClientArchitecture::is_http);
        let vendor_class =
            if is_http { "HTTPClient:Arch:00016:UNDI:003001" } else { "PXEClient:Arch:00007:UNDI:003016" };
        let says = BootQuestion { architecture, vendor_class, user_class };
        let lease = (self.0)(&mac.to_string(), Some(says))?.ok_or("the client got no lease")?;
        let Some(file) = lease.boot_file else { return Ok(None) };
        // One that loads over HTTP takes no answer but one to its class.
        if is_http && lease.vendor_class.as_deref() != Some("HTTPClient") {
            return Err(format!("an HTTP client is answered as {:?}", lease.vendor_class).into());
        }
        Ok(Some((lease.next_server.ok_or("a boot file without a server")?, file)))
    }
}
