//! One BMC's place on a shared socket: what is sent to it and what it answers; port 623 by default (§13.1.2).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::sockets::{Listener, Outside, Shared, Sockets, any_address};

/// ASF presence ping (§13.2.3), which asks nothing but whether somebody is there.
const PING: [u8; 12] = [0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x80, 0x00, 0x00, 0x00];

/// A session id of this console, and what arrives for it from one BMC.
pub(super) struct Port {
    shared: Arc<Shared>,
    peer: SocketAddr,
    listener: Listener,
    /// Datagrams sent since one came in.
    unanswered: u32,
    sentinel: Sentinel,
}

impl Port {
    pub(super) fn open(sockets: &Sockets, peer: SocketAddr) -> io::Result<Self> {
        let shared = sockets.towards(peer)?;
        let listener = shared.listen(peer);
        Ok(Self { shared, peer, listener, unanswered: 0, sentinel: Sentinel::default() })
    }

    /// The console's id of the session.
    pub(super) fn session(&self) -> u32 {
        self.listener.id
    }

    /// What is held while the peer is asked something outside of sessions.
    pub(super) fn outside(&self) -> Arc<Outside> {
        Arc::clone(&self.listener.outside)
    }

    /// Takes another id, so that a late answer to the former one is not heard.
    pub(super) fn renew(&mut self) {
        // The new one first, so that what the peer is asked outside of sessions goes on.
        let next = self.shared.listen(self.peer);
        let former = std::mem::replace(&mut self.listener, next);
        self.shared.forget(self.peer, former.id);
    }

    /// Whether the last thing heard was that nobody listens at the port.
    pub(super) fn is_refused(&mut self) -> bool {
        self.sentinel.listen();
        self.sentinel.refused
    }

    pub(super) async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if self.unanswered > 0 {
            self.sentinel.look(self.peer);
        }
        self.unanswered = self.unanswered.saturating_add(1);
        match self.shared.send(datagram, self.peer).await {
            // No route, for now: the BMC's switch may be restarting.
            Err(error) if is_refusal(&error) => {
                self.sentinel.refused = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Sends at once or not at all: for a farewell that nobody waits for.
    pub(super) fn send_now(&self, datagram: &[u8]) {
        // A lost farewell costs the BMC one idle session for a minute.
        let _ = self.shared.try_send(datagram, self.peer);
    }

    /// The next datagram, or `None` at `until`.
    pub(super) async fn receive(&mut self, until: Instant) -> io::Result<Option<Vec<u8>>> {
        match timeout_at(until, self.next()).await {
            Err(_elapsed) => Ok(None),
            Ok(datagram) => datagram.map(Some),
        }
    }

    /// The next datagram, however long that takes. May be cancelled without loss.
    pub(super) async fn next(&mut self) -> io::Result<Vec<u8>> {
        let datagram = self.listener.mailbox.recv().await;
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the runtime that read the socket is gone");
        let datagram = datagram.ok_or_else(gone)?;
        self.unanswered = 0;
        self.sentinel = Sentinel::default();
        Ok(datagram)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared.forget(self.peer, self.listener.id);
    }
}

/// A connected socket beside the shared one, only while a BMC is silent: the kernel tells only connected sockets that nobody
/// listens.
#[derive(Default)]
struct Sentinel {
    socket: Option<UdpSocket>,
    refused: bool,
}

impl Sentinel {
    /// Sends another ping. What goes wrong here goes unnoticed: it only tells silence from a closed port.
    fn look(&mut self, peer: SocketAddr) {
        self.listen();
        if self.socket.is_none() {
            self.socket = connected(peer).ok();
        }
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(&PING)
        {
            self.refused |= is_refusal(&error);
        }
    }

    fn listen(&mut self) {
        let Some(socket) = &self.socket else { return };
        let mut answer = [0; 64];
        loop {
            match socket.recv(&mut answer) {
                Ok(_) => self.refused = false,
                Err(error) if is_refusal(&error) => self.refused = true,
                Err(_) => return,
            }
        }
    }
}

fn connected(peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((any_address(peer), 0))?;
    socket.connect(peer)?;
    // Never waited for: it is asked when the next datagram goes out anyway.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}
