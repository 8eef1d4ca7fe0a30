//! Clients that boot from the network, as the lab has them.

use std::net::Ipv4Addr;

use dip_core::conformance::Failure;
use dip_lab::{BootQuestion, Lease};
use dip_network::provider::ClientArchitecture;

/// What a client of an architecture says of itself.
pub(crate) fn says(architecture: u16, user_class: Option<&'static str>) -> BootQuestion {
    let is_http = ClientArchitecture::of(architecture).is_some_and(ClientArchitecture::is_http);
    let vendor_class = if is_http { "HTTPClient:Arch:00016:UNDI:003001" } else { "PXEClient:Arch:00007:UNDI:003016" };
    BootQuestion { architecture, vendor_class, user_class }
}

/// What such a client boots. One that loads over HTTP takes no answer but one to its class.
pub(crate) fn boots(lease: Option<Lease>, says: BootQuestion) -> Result<Option<(Ipv4Addr, String)>, Failure> {
    let lease = lease.ok_or("the client got no lease")?;
    let Some(file) = lease.boot_file else { return Ok(None) };
    if says.vendor_class.starts_with("HTTP") && lease.vendor_class.as_deref() != Some("HTTPClient") {
        return Err(format!("an HTTP client is answered as {:?}", lease.vendor_class).into());
    }
    Ok(Some((lease.next_server.ok_or("a boot file without a server")?, file)))
}
