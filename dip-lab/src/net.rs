//! Free ports, and pairs of interfaces.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::error::LabError;
use crate::namespace::Namespace;

/// A port of 127.0.0.1 that is free for TCP and for UDP at this moment.
pub(crate) fn free_port() -> Result<SocketAddr, LabError> {
    free_ports(1).map(|ports| ports[0])
}

/// Different ports of 127.0.0.1 that are free for TCP and for UDP at this moment.
pub(crate) fn free_ports(count: usize) -> Result<Vec<SocketAddr>, LabError> {
    let free = || -> std::io::Result<Vec<SocketAddr>> {
        // All are held until all are found, so that none is found twice.
        let mut held = Vec::new();
        let mut ports = Vec::new();
        while ports.len() < count {
            // The kernel chooses a port that is free for TCP; it may be taken for UDP.
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let addr = tcp.local_addr()?;
            if UdpSocket::bind(addr).is_ok() {
                ports.push(addr);
            }
            held.push(tcp);
        }
        Ok(ports)
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
