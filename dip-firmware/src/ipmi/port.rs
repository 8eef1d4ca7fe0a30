//! The UDP socket towards one BMC; port 623 by default (§13.1.2).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// Longer than any IPMI datagram: a LAN message has at most 255 bytes, and Ethernet carries 1500.
const DATAGRAM: usize = 2048;

/// A socket that only hears its BMC.
pub(super) struct Port {
    socket: UdpSocket,
    refused: bool,
    buffer: Box<[u8; DATAGRAM]>,
}

impl Port {
    pub(super) async fn open(peer: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match peer {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(peer).await?;
        Ok(Self { socket, refused: false, buffer: Box::new([0; DATAGRAM]) })
    }

    /// Whether the last thing heard was that nobody listens at the port.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    pub(super) async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        match self.socket.send(datagram).await {
            // The error belongs to a datagram sent before; this one was not sent at all.
            Err(error) if is_refusal(&error) => {
                self.refused = true;
                match self.socket.send(datagram).await {
                    Err(error) if is_refusal(&error) => Ok(()),
                    other => other.map(drop),
                }
            }
            other => other.map(drop),
        }
    }

    /// Sends at once or not at all: for a farewell that nobody waits for.
    pub(super) fn send_now(&self, datagram: &[u8]) {
        // A lost farewell costs the BMC one idle session for a minute.
        let _ = self.socket.try_send(datagram);
    }

    /// The next datagram, or `None` at `until`.
    pub(super) async fn receive(&mut self, until: Instant) -> io::Result<Option<&[u8]>> {
        let len = loop {
            match timeout_at(until, self.socket.recv(&mut self.buffer[..])).await {
                Err(_elapsed) => return Ok(None),
                Ok(Ok(len)) => break len,
                // A restarting BMC refuses for a while: keep waiting, and tell it at the end.
                Ok(Err(error)) if is_refusal(&error) => self.refused = true,
                Ok(Err(error)) => return Err(error),
            }
        };
        self.refused = false;
        Ok(Some(&self.buffer[..len]))
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}
