//! Free ports, and pairs of interfaces.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::error::LabError;
use crate::namespace::Namespace;

/// A port of 127.0.0.1 that is free for TCP and for UDP at this moment.
pub(crate) fn free_port() -> Result<SocketAddr, LabError> {
    let free = || -> std::io::Result<SocketAddr> {
        let mut last = None;
        // The kernel chooses a port that is free for TCP; it may be taken for UDP.
        for _ in 0..64 {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let addr = tcp.local_addr()?;
            match UdpSocket::bind(addr) {
                Ok(_) => return Ok(addr),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| std::io::Error::other("no port is free")))
    };
    free().map_err(|source| LabError::file("find a free port on", "127.0.0.1", source))
}

/// Whether something accepts TCP connections there.
pub(crate) async fn accepts(addr: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(addr).await.is_ok()
}

/// Takes transmit checksum offload from an interface: a userspace switch forwards what the kernel has not yet summed.
pub(crate) async fn sum_in_kernel(namespace: Option<&Namespace>, interface: &str) -> Result<(), LabError> {
    let args = ["-K", interface, "tx", "off"];
    match namespace {
        Some(namespace) => namespace.run("ethtool", &args).await?,
        None => crate::command::run("ethtool", args).await?,
    };
    Ok(())
}
