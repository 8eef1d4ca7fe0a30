//! The server: two sockets, and somebody who decides for each machine.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::UdpSocket;

use super::answer;
use super::question::{Asked, BootQuestion, Port};
use crate::provider::{BootClient, BootFiles};

/// The largest packet of a client: an Ethernet frame's.
const LARGEST: usize = 1500;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// What a machine shall boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootAnswer {
    /// The server that has the file.
    pub server: Ipv4Addr,
    /// The file, as its TFTP server knows it; the URL for a client that loads over HTTP. At most 255 octets.
    pub file: String,
}

impl BootAnswer {
    /// What a site's boot files say to a question over DHCPv4, where they have a server in IPv4. iPXE hears of its script, or, where there is none, of what its firmware loads.
    #[must_use]
    pub fn of(files: &BootFiles, question: &BootQuestion) -> Option<Self> {
        let script = files.file(BootClient::Ipxe).filter(|_| question.ipxe);
        let file = script.or_else(|| files.file(BootClient::Firmware(question.architecture)))?;
        Some(Self { server: files.server()?, file: file.to_owned() })
    }
}

/// Decides what a machine boots.
#[async_trait]
pub trait BootDesk: Send + Sync {
    /// What it shall boot now. `None` where it shall not boot from the network: it is no machine of the site, or its run does not want that.
    /// It then hears nothing from here and boots from its disk. Answer from memory: further questions wait meanwhile.
    async fn boot(&self, question: &BootQuestion) -> Option<BootAnswer>;
}

/// A proxy DHCP server. It gives no addresses, and is silent to all that the desk has nothing for.
#[derive(Clone)]
pub struct ProxyDhcp {
    own: Ipv4Addr,
    desk: Arc<dyn BootDesk>,
}

impl fmt::Debug for ProxyDhcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyDhcp").field("own", &self.own).finish_non_exhaustive()
    }
}

impl ProxyDhcp {
    /// A server that calls itself by this address, at which clients reach port 4011: they take no answer of another.
    #[must_use]
    pub fn new(own: Ipv4Addr, desk: Arc<dyn BootDesk>) -> Self {
        Self { own, desk }
    }

    /// Answers what comes in at both sockets: port 67, which may send broadcasts and hears the segment or a relay, and port 4011.
    /// It ends when it is dropped.
    ///
    /// Where clients are heard on their segment, the socket of port 67 must be bound to that interface ([`UdpSocket::bind_device`]): what
    /// goes to all leaves by the default route else, and nowhere at all where there is none.
    ///
    /// # Errors
    /// Where a socket cannot be read any more. An answer that cannot be sent is only logged: the client asks again.
    ///
    /// # Cancel safety
    /// A question that is being answered may get no answer; the client asks again.
    pub async fn serve(&self, dhcp: &UdpSocket, binl: &UdpSocket) -> io::Result<()> {
        tokio::try_join!(self.answer(dhcp, Port::Dhcp), self.answer(binl, Port::Binl)).map(|((), ())| ())
    }

    async fn answer(&self, socket: &UdpSocket, port: Port) -> io::Result<()> {
        let mut packet = [0; LARGEST];
        loop {
            let (length, from) = socket.recv_from(&mut packet).await?;
            let Some(asked) = packet.get(..length).and_then(|packet| Asked::read(packet, port)) else { continue };
            let Some(boot) = self.desk.boot(&asked.question).await else { continue };
            let mac = asked.question.mac;
            match answer::write(&asked, &boot, self.own) {
                Ok(reply) => match socket.send_to(&reply, target(&asked, from)).await {
                    Ok(_) => tracing::debug!(%mac, file = boot.file, "told what to boot"),
                    Err(error) => tracing::warn!(%mac, %error, "cannot be told what to boot"),
                },
                Err(error) => tracing::warn!(%mac, %error, file = boot.file, "the answer does not fit a packet"),
            }
        }
    }
}

/// Where the answer goes: to the relay that sent the question, to a client that has an address, else to all (RFC 2131, section 4.1).
fn target(asked: &Asked, from: SocketAddr) -> SocketAddr {
    let relay = asked.message.giaddr();
    if !relay.is_unspecified() {
        return SocketAddrV4::new(relay, SERVER_PORT).into();
    }
    if from.ip().is_unspecified() { SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT).into() } else { from }
}
