//! A way to a real DNS server on which answers take their time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dip_core::conformance::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Delay = Arc<Mutex<(Late, Duration)>>;

/// The operation code of an update (RFC 2136 section 1.3).
const UPDATE: u8 = 5;

/// Which answers are late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    All,
    /// Those to dynamic updates: what was asked for is done by then.
    Updates,
}

/// The way; what is on it ends with it.
pub(crate) struct SlowWay {
    pub(crate) addr: SocketAddr,
    delay: Delay,
    updates: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for SlowWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SlowWay {
    pub(crate) async fn to(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let delay: Delay = Arc::new(Mutex::new((Late::All, Duration::ZERO)));
        let updates = Arc::new(AtomicUsize::new(0));
        let of_answers = (Arc::clone(&delay), Arc::clone(&updates));
        let task = tokio::spawn(async move {
            let mut ways = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(server).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), upstream.into_split());
                ways.spawn(carry(from_client, to_server, None));
                ways.spawn(carry(from_server, to_client, Some(of_answers.clone())));
            }
        });
        Ok(Self { addr, delay, updates, task })
    }

    /// From now on each piece of such an answer is so late.
    pub(crate) fn late_by(&self, which: Late, delay: Duration) {
        *self.delay.lock().unwrap_or_else(PoisonError::into_inner) = (which, delay);
    }

    /// How many dynamic updates were answered until now, each with a piece of its own.
    pub(crate) fn updates(&self) -> usize {
        self.updates.load(Ordering::Relaxed)
    }
}

/// Ends where either side goes away.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, of_answers: Option<(Delay, Arc<AtomicUsize>)>) {
    let mut piece = [0; 16_384];
    while let Ok(read) = from.read(&mut piece).await {
        if let Some((delay, updates)) = &of_answers {
            let (which, delay) = *delay.lock().unwrap_or_else(PoisonError::into_inner);
            // Before a message stand two bytes of length; its flags follow its id (RFC 1035 section 4.1.1).
            let is_update = piece.get(4).is_some_and(|flags| (flags >> 3) & 0xf == UPDATE);
            updates.fetch_add(usize::from(is_update), Ordering::Relaxed);
            if which == Late::All || is_update {
                tokio::time::sleep(delay).await;
            }
        }
        if read == 0 || to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
}
