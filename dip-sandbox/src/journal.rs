//! A journal whose disk takes time on the simulation's clock.
//!
//! On a real machine those who ask for their records to be made durable while the disk is busy share its next write: the group
//! commit. On virtual time a write would take no time at all, nobody could come during it, and each instant of the simulation
//! would cost a write of its own: about one a step, however many steps go on at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::journal::{Journal, JournalError, Record};
use tokio::sync::Mutex;

use crate::world::World;

/// How long a write waits for others to share it: the commit delay of a database under load. The longer it is, the more share it.
const GATHER: Duration = Duration::from_millis(150);

/// How long a write takes then: that of a slow disk, and as long as the real one may take meanwhile without the simulation waiting for
/// it. A step waits for both, and for a write before its own, twice: it changes no run by much, for a dozen steps take some seconds
/// longer, where a boot takes minutes.
const WRITE: Duration = Duration::from_millis(100);

/// Keeps records in another journal, and lets each write to it take the time of a disk.
#[derive(Debug)]
pub(crate) struct SandboxJournal {
    world: Arc<World>,
    kept: Arc<dyn Journal>,
    /// How many records were ever appended.
    appended: AtomicU64,
    writer: Writer,
    writes: Mutex<Writes>,
}

#[derive(Debug, Default)]
struct Writes {
    /// How many records are known to be durable.
    durable: u64,
    /// The write that goes on. It does not end with the one who began it: the next one waits for it first.
    underway: Option<Write>,
}

#[derive(Debug)]
struct Write {
    /// How many records are durable when it has ended.
    appended: u64,
    /// When it ends on the simulation's clock.
    until: Duration,
    ended: mpsc::Receiver<Result<(), JournalError>>,
}

impl SandboxJournal {
    pub(crate) fn over(world: &Arc<World>, kept: Arc<dyn Journal>) -> Self {
        let writer = Writer::start(&kept);
        Self { world: Arc::clone(world), kept, appended: AtomicU64::new(0), writer, writes: Mutex::default() }
    }

    /// Waits for the write that goes on, if any. The simulation goes on as well, so that the disk and it work at the same time.
    async fn finish(&self, writes: &mut Writes) -> Result<(), JournalError> {
        let Some(until) = writes.underway.as_ref().map(|write| write.until) else { return Ok(()) };
        self.world.time.sleep(until.saturating_sub(self.world.time.now())).await;
        let Some(Write { appended, ended, .. }) = writes.underway.take() else { return Ok(()) };
        // The simulation stands still until the real disk is as far: if its tasks went on, its course would depend on the disk.
        ended.recv().unwrap_or(Err(JournalError::Broken))?;
        writes.durable = appended;
        Ok(())
    }
}

#[async_trait]
impl Journal for SandboxJournal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.kept.append(record)?;
        // After the record is there: whoever counts it must find it.
        self.appended.fetch_add(1, Ordering::Release);
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let wanted = self.appended.load(Ordering::Acquire);
        let mut writes = self.writes.lock().await;
        loop {
            self.finish(&mut writes).await?;
            // Whoever wrote before has written our records too.
            if writes.durable >= wanted {
                return Ok(());
            }
            self.world.time.sleep(GATHER).await;
            let appended = self.appended.load(Ordering::Acquire);
            let until = self.world.time.now() + WRITE;
            writes.underway = Some(Write { appended, until, ended: self.writer.write() });
        }
    }
}

/// A thread that makes records durable while the simulation goes on: on the simulation's own runtime the clock stands still as long as
/// a disk writes.
#[derive(Debug)]
struct Writer {
    orders: Option<mpsc::Sender<mpsc::Sender<Result<(), JournalError>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(kept: &Arc<dyn Journal>) -> Self {
        let kept = Arc::clone(kept);
        let (orders, queue) = mpsc::channel::<mpsc::Sender<_>>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime with one thread needs little");
            for order in queue {
                // Nobody may wait any more: the run was given up.
                order.send(runtime.block_on(kept.sync())).ok();
            }
        });
        Self { orders: Some(orders), thread: Some(thread) }
    }

    /// Begins a write; what becomes of it is sent, and nothing where the thread has ended.
    fn write(&self) -> mpsc::Receiver<Result<(), JournalError>> {
        let (done, ended) = mpsc::channel();
        self.orders.as_ref().and_then(|orders| orders.send(done).ok());
        ended
    }
}

impl Drop for Writer {
    /// Whoever opens the journal next must not find it held by the thread.
    fn drop(&mut self) {
        self.orders = None;
        // A panic of the thread was told to those who waited.
        self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;
    use dip_core::id::SiteName;
    use dip_core::journal::Event;
    use dip_core::site::Site;

    /// Counts writes, and how many records each made durable.
    #[derive(Debug, Default)]
    struct Disk {
        appended: AtomicU64,
        writes: std::sync::Mutex<Vec<u64>>,
    }

    #[async_trait]
    impl Journal for Disk {
        fn append(&self, _: &Record) -> Result<(), JournalError> {
            self.appended.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        async fn sync(&self) -> Result<(), JournalError> {
            self.writes.lock().expect("nobody panics").push(self.appended.load(Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn those_who_come_while_the_disk_writes_share_a_write_and_nobody_goes_on_before_his_own_is_durable() {
        let sandbox = Sandbox::new(&Site::new(SiteName::new("lab").expect("a name")), 1);
        let disk = Arc::new(Disk::default());
        let journal = sandbox.journal(Arc::clone(&disk) as Arc<dyn Journal>);
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        sandbox.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            // Ten come within the time of one write, and ten much later.
            for nth in 0..20_u64 {
                let (journal, disk) = (Arc::clone(&journal), Arc::clone(&disk));
                tasks.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(4 * nth + if nth < 10 { 0 } else { 1_000 })).await;
                    journal.append(&Record { sequence: nth, at, event: Event::Stopping }).expect("it takes it");
                    let mine = disk.appended.load(Ordering::Relaxed);
                    journal.sync().await.expect("it writes");
                    let durable = disk.writes.lock().expect("nobody panics").last().copied();
                    assert!(durable >= Some(mine), "record {nth} is not durable");
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no record is lost");
            }
        });
        assert_eq!(*disk.writes.lock().expect("nobody panics"), [10, 20]);
    }

    /// Its write ends when somebody says so.
    #[derive(Debug)]
    struct Slow(std::sync::Mutex<mpsc::Receiver<()>>);

    #[async_trait]
    impl Journal for Slow {
        fn append(&self, _: &Record) -> Result<(), JournalError> {
            Ok(())
        }

        async fn sync(&self) -> Result<(), JournalError> {
            let said = self.0.lock().expect("nobody panics").recv_timeout(Duration::from_secs(30));
            said.map_err(|_| JournalError::Broken)
        }
    }

    #[test]
    fn the_simulation_goes_on_while_the_disk_writes() {
        let sandbox = Sandbox::new(&Site::new(SiteName::new("lab").expect("a name")), 1);
        let (say, said) = mpsc::channel();
        let journal = sandbox.journal(Arc::new(Slow(said.into())));
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        sandbox.block_on(async {
            journal.append(&Record { sequence: 0, at, event: Event::Stopping }).expect("it takes it");
            let meanwhile = async {
                tokio::time::sleep(GATHER + WRITE / 2).await;
                say.send(()).expect("the disk writes");
            };
            let began = tokio::time::Instant::now();
            let (durable, ()) = tokio::join!(journal.sync(), meanwhile);
            durable.expect("it was said");
            assert!(began.elapsed() >= GATHER + WRITE);
        });
    }
}
