//! A UDP relay that loses, doubles, delays and invents datagrams; the same faults in every run.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Place of the byte that says whether a datagram is encrypted and signed.
const SECURITY: usize = 5;

/// How many in a hundred datagrams suffer; each way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    pub(crate) late: u32,
    pub(crate) rubbish: u32,
}

pub(crate) struct LossyNetwork {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToBmc,
    ToConsole,
}

struct Shared {
    faults: Faults,
    cut: AtomicBool,
    dice: Mutex<u64>,
    made: [AtomicU32; 4],
    heard: Mutex<Vec<Vec<u8>>>,
}

impl LossyNetwork {
    pub(crate) async fn before(server: SocketAddr, faults: Faults) -> Self {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a free port"));
        let addr = front.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            faults,
            cut: AtomicBool::new(false),
            dice: Mutex::new(0x9E37_79B9_7F4A_7C15),
            made: Default::default(),
            heard: Mutex::default(),
        });
        let task = tokio::spawn(relay(front, server, Arc::clone(&shared)));
        Self { addr, shared, task }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.shared.cut.store(false, Ordering::SeqCst);
    }

    /// What the BMC has sent so far.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.shared.heard.lock().expect("nobody panics with it").clone()
    }

    pub(crate) fn faults_made(&self) -> Faults {
        let [lost, doubled, late, rubbish] = [0, 1, 2, 3].map(|n| self.shared.made[n].load(Ordering::SeqCst));
        Faults { lost, doubled, late, rubbish }
    }
}

impl Drop for LossyNetwork {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(front: Arc<UdpSocket>, server: SocketAddr, shared: Arc<Shared>) {
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    // Aborted with the relay.
    let mut ways_back = tokio::task::JoinSet::new();
    let mut buffer = [0; 2048];
    loop {
        let Ok((len, client)) = front.recv_from(&mut buffer).await else {
            continue;
        };
        let back = match backs.get(&client) {
            Some(back) => Arc::clone(back),
            None => {
                let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a free port"));
                back.connect(server).await.expect("an address");
                backs.insert(client, Arc::clone(&back));
                ways_back.spawn(answers(Arc::clone(&back), Arc::clone(&front), client, Arc::clone(&shared)));
                back
            }
        };
        shared.pass(Way::ToBmc, &buffer[..len], move |bytes| {
            let back = Arc::clone(&back);
            async move { drop(back.send(&bytes).await) }
        });
    }
}

async fn answers(back: Arc<UdpSocket>, front: Arc<UdpSocket>, client: SocketAddr, shared: Arc<Shared>) {
    let mut buffer = [0; 2048];
    loop {
        let Ok(len) = back.recv(&mut buffer).await else {
            continue;
        };
        let front = Arc::clone(&front);
        shared.pass(Way::ToConsole, &buffer[..len], move |bytes| {
            let front = Arc::clone(&front);
            async move { drop(front.send_to(&bytes, client).await) }
        });
    }
}

impl Shared {
    fn pass<F>(&self, way: Way, bytes: &[u8], send: impl Fn(Vec<u8>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if way == Way::ToConsole {
            self.heard.lock().expect("nobody panics with it").push(bytes.to_vec());
        }
        if self.cut.load(Ordering::SeqCst) || self.happens(0, self.faults.lost) {
            return;
        }
        let mut copies = vec![bytes.to_vec()];
        if self.happens(1, self.faults.doubled) {
            copies.push(bytes.to_vec());
        }
        // The opening of a session is not signed: what UDP's checksum lets through, the BMC has to believe.
        let signed = bytes.get(SECURITY).is_some_and(|flags| flags & 0xC0 != 0);
        if (signed || way == Way::ToConsole) && self.happens(3, self.faults.rubbish) {
            let mut rubbish = bytes.to_vec();
            if signed {
                let at = self.roll() as usize % rubbish.len();
                rubbish[at] ^= 0x55;
            }
            rubbish.truncate(1 + self.roll() as usize % rubbish.len());
            copies.insert(0, rubbish);
        }
        for copy in copies {
            let late = if self.happens(2, self.faults.late) { 5 + u64::from(self.roll() % 60) } else { 0 };
            let sent = send(copy);
            tokio::spawn(async move {
                if late > 0 {
                    tokio::time::sleep(Duration::from_millis(late)).await;
                }
                sent.await;
            });
        }
    }

    fn happens(&self, fault: usize, in_a_hundred: u32) -> bool {
        let happens = self.roll() % 100 < in_a_hundred;
        if happens {
            self.made[fault].fetch_add(1, Ordering::SeqCst);
        }
        happens
    }

    /// Xorshift: the same numbers in every run.
    fn roll(&self) -> u32 {
        let mut state = self.dice.lock().expect("nobody panics with it");
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 32) as u32
    }
}
