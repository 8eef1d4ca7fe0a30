//! The place where a session is kept: alive while somebody holds it, and closed when nobody has used it for a while.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::client::IpmiClient;
use super::error::{ErrorClass, IpmiError};
use super::opcode::Opcode;
use super::options::Resend;

/// A session that nobody has used for so long is closed, and its place given back: BMCs have few, and close it themselves after
/// 60 s ± 3 s without a request (§6.12.15). One that is older all the same, after a sleep of this machine, is not trusted.
const IDLE: Duration = Duration::from_secs(45);
/// So often a held session is used, so that the BMC does not take it for a forgotten one: two requests may be lost.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The place of one session.
#[derive(Debug, Default)]
pub(super) struct Slot {
    session: Mutex<Option<Kept>>,
    holders: AtomicUsize,
}

#[derive(Debug)]
struct Kept {
    client: Arc<IpmiClient>,
    used: Instant,
    tender: Tender,
}

/// Keeps the session of a BMC alive until it is dropped, for who asks seldom and wants the answer soon.
///
/// It opens none, and one that is lost is opened again at the next request.
#[derive(Debug)]
pub struct Hold(Arc<Slot>);

impl Slot {
    /// The session that is kept, or else what `open` opens. Callers that come meanwhile wait for it and share it.
    pub(super) async fn client_or<F>(self: &Arc<Self>, open: impl FnOnce() -> F) -> Result<Arc<IpmiClient>, IpmiError>
    where
        F: Future<Output = Result<IpmiClient, IpmiError>>,
    {
        let mut session = self.session.lock().await;
        if let Some(kept) = session.as_mut().filter(|kept| kept.used.elapsed() < IDLE) {
            kept.used = Instant::now();
            return Ok(Arc::clone(&kept.client));
        }
        // The old one says goodbye before the new one comes: BMCs have few sessions.
        *session = None;
        let client = Arc::new(open().await?);
        let tender = Tender::new(tokio::spawn(tend(Arc::downgrade(self), Arc::downgrade(&client))).abort_handle());
        *session = Some(Kept { client: Arc::clone(&client), used: Instant::now(), tender });
        Ok(client)
    }

    /// Drops this session and no other: another caller may have opened a new one meanwhile.
    pub(super) async fn give_up(&self, client: &Arc<IpmiClient>) {
        self.session.lock().await.take_if(|kept| Arc::ptr_eq(&kept.client, client));
    }

    /// Drops the session that is kept: the BMC restarts, and would not answer a farewell.
    pub(super) async fn forget(&self) {
        *self.session.lock().await = None;
    }

    /// Closes the session, if one is open.
    pub(super) async fn close(&self) {
        // Who wants a new one waits until the old one is closed.
        let mut session = self.session.lock().await;
        if let Some(Kept { client, tender, .. }) = session.take() {
            drop(tender);
            close(client).await;
        }
    }

    /// Keeps the session alive for as long as the hold lives.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        self.holders.fetch_add(1, Ordering::Relaxed);
        Hold(Arc::clone(self))
    }

    fn is_held(&self) -> bool {
        self.holders.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn close(client: Arc<IpmiClient>) {
    // A request that is under way says goodbye when it is through.
    let Some(client) = Arc::into_inner(client) else { return };
    let peer = client.peer();
    if let Err(error) = client.close().await {
        tracing::debug!(bmc = %peer, %error, "the BMC did not confirm the end of the session");
    }
}

/// Looks after a session until it is closed, given up or replaced: nobody's session keeps no task.
async fn tend(slot: Weak<Slot>, client: Weak<IpmiClient>) {
    let mut next = Instant::now() + KEEP_ALIVE;
    loop {
        sleep_until(next).await;
        let (Some(slot), Some(client)) = (slot.upgrade(), client.upgrade()) else { return };
        let mut session = slot.session.lock().await;
        let Some(kept) = session.as_mut().filter(|kept| Arc::ptr_eq(&kept.client, &client)) else { return };
        let is_held = slot.is_held();
        if is_held && kept.used.elapsed() >= KEEP_ALIVE {
            kept.used = Instant::now();
            drop(session);
            // It needs no privilege, every BMC has it, and it changes nothing (§20.1).
            if let Err(error) = client.request(Opcode::GET_DEVICE_ID, &[], Resend::Allowed).await
                && matches!(error.class(), ErrorClass::SessionLost | ErrorClass::Unreachable)
            {
                tracing::debug!(bmc = %client.peer(), %error, "the session that is held was lost");
                slot.give_up(&client).await;
                return;
            }
            next = Instant::now() + KEEP_ALIVE;
        } else if !is_held && kept.used.elapsed() >= IDLE {
            let Some(Kept { client: kept, tender, .. }) = session.take() else { return };
            // This task ends by itself.
            tender.let_go();
            drop(client);
            return close(kept).await;
        } else {
            // It may be held before it is due to be closed.
            let bound = if is_held { KEEP_ALIVE } else { IDLE };
            next = (kept.used + bound).min(Instant::now() + KEEP_ALIVE);
        }
    }
}

/// The task of a session; it ends with the session.
#[derive(Debug)]
struct Tender(Option<AbortHandle>);

impl Tender {
    fn new(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// Lets the task end by itself.
    fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for Tender {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::ipmi::bmc::IpmiBmc;
    use crate::ipmi::credentials::Credentials;
    use crate::ipmi::options::Options;
    use crate::ipmi::responder::{PASSWORD, Quirk, Responder, USER};
    use crate::ipmi::sockets::Sockets;
    use crate::ipmi::suite::CipherSuite;

    /// Time that passes only when a test says so: tokio lets paused time jump unless something blocks.
    struct Frozen {
        _until_dropped: mpsc::Sender<()>,
    }

    impl Frozen {
        fn new() -> Self {
            let (sender, receiver) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || receiver.recv());
            Self { _until_dropped: sender }
        }

        /// Lets time pass in small steps, and everybody act in between.
        async fn pass(&self, time: Duration) {
            for _ in 0..time.as_secs() {
                tokio::time::advance(Duration::from_secs(1)).await;
                self.settle().await;
            }
        }

        /// Datagrams on loopback come at once; those who wait for them must come to their turn.
        async fn settle(&self) {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn bmc() -> (Responder, IpmiBmc) {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::None).await;
        let credentials = Credentials::new(USER, PASSWORD).expect("short enough");
        let bmc = IpmiBmc::new(&Sockets::new(), responder.addr(), credentials, Options::default());
        bmc.power_state().await.expect("it answers");
        (responder, bmc)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_nobody_uses_is_given_back_before_the_bmc_takes_it() {
        let frozen = Frozen::new();
        let (responder, bmc) = bmc().await;
        frozen.pass(Duration::from_secs(40)).await;
        bmc.power_state().await.expect("it answers");
        frozen.pass(Duration::from_secs(44)).await;
        assert!(responder.has_session(), "its time runs from the last request");
        frozen.pass(Duration::from_secs(2)).await;
        assert!(!responder.has_session());
        assert!(responder.heard(Opcode::GET_DEVICE_ID).is_empty(), "nobody keeps it alive");
        bmc.power_state().await.expect("the next request opens another");
        assert_eq!(responder.openings(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_held_outlives_the_patience_of_the_bmc_and_ends_after_the_hold() {
        let frozen = Frozen::new();
        let (responder, bmc) = bmc().await;
        frozen.pass(Duration::from_secs(30)).await;
        let hold = bmc.hold();
        frozen.pass(Duration::from_secs(300)).await;
        bmc.power_state().await.expect("it answers");
        assert_eq!(responder.openings(), 1, "it is the same session");
        drop(hold);
        frozen.pass(Duration::from_secs(46)).await;
        assert!(!responder.has_session(), "nobody holds it any more");
    }

    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_where_the_bmc_is_let_go() {
        let frozen = Frozen::new();
        let (responder, bmc) = bmc().await;
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let with_session = tasks();
        bmc.close().await;
        frozen.settle().await;
        assert!(!responder.has_session());
        assert!(tasks() < with_session);
    }
}
