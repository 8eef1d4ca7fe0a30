//! UDP sockets that many sessions share: each datagram goes to the session that it names.
//!
//! A socket for each BMC would cost thousands of descriptors, and as many places where the kernel keeps what nobody reads.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::random::random;
use super::rmcp::Packet;
use super::wire::RequestSequence;

/// Longer than any IPMI datagram: a LAN message has at most 255 bytes, and Ethernet carries 1500.
const DATAGRAM: usize = 2048;
/// Datagrams that may lie before a session that does not read them: a console that prints sends some at once. More are
/// dropped, as UDP drops them.
const MAILBOX: usize = 64;

/// The sockets over which BMCs are asked: one for IPv4 and one for IPv6, bound when they are first needed.
///
/// A clone shares them. They belong to the runtime that first used them, and are bound anew when that one is gone.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    kept: Arc<[Mutex<Option<Arc<Shared>>>; 2]>,
}

impl Sockets {
    /// Sockets that are not bound yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The socket that reaches `peer`.
    pub(super) fn towards(&self, peer: SocketAddr) -> io::Result<Arc<Shared>> {
        let mut kept = lock(&self.kept[usize::from(peer.is_ipv6())]);
        match &*kept {
            Some(shared) if !shared.reader.is_finished() => Ok(Arc::clone(shared)),
            _ => {
                let shared = Arc::new(Shared::bind(peer)?);
                *kept = Some(Arc::clone(&shared));
                Ok(shared)
            }
        }
    }
}

/// A socket and who listens on it.
#[derive(Debug)]
pub(super) struct Shared {
    socket: Arc<UdpSocket>,
    listeners: Arc<Listeners>,
    reader: JoinHandle<()>,
}

impl Shared {
    fn bind(peer: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((any_address(peer), 0))?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let listeners = Arc::<Listeners>::default();
        let reader = tokio::spawn(read(Arc::clone(&socket), Hangup(Arc::clone(&listeners))));
        Ok(Self { socket, listeners, reader })
    }

    pub(super) async fn send(&self, datagram: &[u8], peer: SocketAddr) -> io::Result<()> {
        self.socket.send_to(datagram, peer).await.map(drop)
    }

    /// Sends at once or not at all.
    pub(super) fn try_send(&self, datagram: &[u8], peer: SocketAddr) -> io::Result<()> {
        self.socket.try_send_to(datagram, peer).map(drop)
    }

    /// A new session of this console with `peer`.
    pub(super) fn listen(&self, peer: SocketAddr) -> Listener {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let mut listeners = lock(&self.listeners.0);
        let of_peer = listeners.entry(peer).or_default();
        let id = loop {
            // Zero is the id of "no session".
            let id = u32::from_le_bytes(random()).max(1);
            if of_peer.mailboxes.iter().all(|(other, _)| *other != id) {
                break id;
            }
        };
        of_peer.mailboxes.push((id, sender));
        Listener { id, mailbox, outside: Arc::clone(&of_peer.outside) }
    }

    pub(super) fn forget(&self, peer: SocketAddr, session: u32) {
        let mut listeners = lock(&self.listeners.0);
        if let Some(of_peer) = listeners.get_mut(&peer) {
            of_peer.mailboxes.retain(|(id, _)| *id != session);
            if of_peer.mailboxes.is_empty() {
                listeners.remove(&peer);
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The address to bind to in the family of `peer`.
pub(super) fn any_address(peer: SocketAddr) -> IpAddr {
    match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// A session of this console.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its id, which no other session with this peer has.
    pub(super) id: u32,
    /// Where its datagrams arrive.
    pub(super) mailbox: mpsc::Receiver<Vec<u8>>,
    pub(super) outside: Arc<Outside>,
}

/// The sequence of the last question to a peer outside of sessions. Whoever asks one holds it until it is answered: replies there
/// name neither session nor question, so that two at a time could be mistaken for each other.
pub(super) type Outside = tokio::sync::Mutex<RequestSequence>;

#[derive(Debug)]
struct Peer {
    mailboxes: Vec<(u32, mpsc::Sender<Vec<u8>>)>,
    outside: Arc<Outside>,
}

impl Default for Peer {
    fn default() -> Self {
        let [bits] = random();
        Self { mailboxes: Vec::new(), outside: Arc::new(Outside::new(RequestSequence::from_bits(bits))) }
    }
}

#[derive(Debug, Default)]
struct Listeners(Mutex<HashMap<SocketAddr, Peer>>);

impl Listeners {
    fn deliver(&self, peer: SocketAddr, datagram: &[u8]) {
        let Some(packet) = Packet::decode(datagram) else { return };
        let session = packet.console_session();
        let listeners = lock(&self.0);
        for (id, mailbox) in listeners.get(&peer).into_iter().flat_map(|peer| &peer.mailboxes) {
            // What names no session is for all of the BMC's: each knows its own by tag or sequence.
            if session.is_none_or(|session| session == *id) {
                let _ = mailbox.try_send(datagram.to_vec());
            }
        }
    }
}

/// Lets those who still listen know that nobody reads any more.
struct Hangup(Arc<Listeners>);

impl Drop for Hangup {
    fn drop(&mut self) {
        lock(&self.0.0).clear();
    }
}

async fn read(socket: Arc<UdpSocket>, listeners: Hangup) {
    let mut buffer = Box::new([0; DATAGRAM]);
    // An error is the socket's own end: without a connection, no ICMP message is told here.
    while let Ok((len, peer)) = socket.recv_from(&mut buffer[..]).await {
        listeners.0.deliver(peer, &buffer[..len]);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipmi::rmcp::{self, PayloadType};

    fn answer_to(session: u32) -> Vec<u8> {
        let mut payload = vec![0; 4];
        payload.extend(session.to_le_bytes());
        rmcp::encode_plain(PayloadType::Rakp4, &payload)
    }

    #[test]
    fn a_datagram_reaches_the_session_that_it_names_and_one_without_a_name_all_of_the_peer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _guard = runtime.enter();
        let peers: [SocketAddr; 2] = [([192, 0, 2, 1], 623).into(), ([192, 0, 2, 2], 623).into()];
        let shared = Sockets::new().towards(peers[0]).expect("a socket");
        let Listener { id: first, mailbox: mut one, .. } = shared.listen(peers[0]);
        let Listener { mailbox: mut other, .. } = shared.listen(peers[0]);
        let Listener { mailbox: mut foreign, .. } = shared.listen(peers[1]);
        shared.listeners.deliver(peers[0], &answer_to(first));
        assert!(one.try_recv().is_ok() && other.try_recv().is_err() && foreign.try_recv().is_err());
        shared.listeners.deliver(peers[1], &answer_to(first));
        assert!(one.try_recv().is_err(), "a session id of another peer counts for nothing");
        shared.listeners.deliver(peers[0], &rmcp::encode_sessionless(&[0; 8]));
        assert!(one.try_recv().is_ok() && other.try_recv().is_ok() && foreign.try_recv().is_err());
        shared.forget(peers[0], first);
        shared.listeners.deliver(peers[0], &answer_to(first));
        assert!(one.try_recv().is_err());
    }

    #[test]
    fn sockets_are_bound_anew_when_their_runtime_is_gone() {
        let sockets = Sockets::new();
        let peer: SocketAddr = ([127, 0, 0, 1], 9).into();
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let first = runtime().block_on(async { sockets.towards(peer).expect("a socket") });
        let second = runtime().block_on(async { sockets.towards(peer).expect("a socket") });
        assert!(!Arc::ptr_eq(&first, &second));
    }
}
