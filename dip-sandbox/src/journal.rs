//! A journal whose disk takes time on the simulation's clock.
//!
//! On a real machine those who ask for their records to be made durable while the disk is busy share its next write: the group
//! commit. On virtual time a write would take no time at all, nobody could come during it, and each instant of the simulation
//! would cost a write of its own: about one a step, however many steps go on at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::journal::{Journal, JournalError, Record};

use crate::world::World;

/// How long a write waits for others to share it: the commit delay of a database under load. The longer it is, the more share it.
const GATHER: Duration = Duration::from_millis(400);

/// How long a write takes then: that of a slow disk, and as long as the real one may take meanwhile without the simulation waiting for
/// it. A step waits for both, twice: it changes no run by much, for a dozen steps take some seconds longer, where a boot takes minutes.
const WRITE: Duration = Duration::from_millis(200);

/// Keeps records in another journal, and lets each write to it take the time of a disk.
///
/// While one write goes on, the next one gathers and may begin: a disk has a queue. With one write at a time most of the simulation would
/// wait for it, and the real disk and the simulation would take turns.
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
    /// When the next write begins, if somebody waits for one that has not begun.
    next: Option<Duration>,
    /// Those that go on, the first begun first. They do not end with those who began them: whoever comes next ends them.
    underway: VecDeque<Write>,
    broken: bool,
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

    /// Ends and begins the writes whose time has come; until when to wait for so many records, and `None` where they are durable.
    fn look(&self, wanted: u64) -> Result<Option<Duration>, JournalError> {
        let now = self.world.time.now();
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.end(now)?;
        if writes.durable >= wanted {
            return Ok(None);
        }
        if writes.next.is_some_and(|next| next <= now) {
            let appended = self.appended.load(Ordering::Acquire);
            writes.underway.push_back(Write { appended, until: now + WRITE, ended: self.writer.write() });
            writes.next = None;
        }
        // Whoever wrote before writes our records too.
        let shared = writes.underway.iter().find(|write| write.appended >= wanted).map(|write| write.until);
        Ok(Some(shared.unwrap_or_else(|| *writes.next.get_or_insert(now + GATHER))))
    }
}

impl Writes {
    fn end(&mut self, now: Duration) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken);
        }
        while let Some(write) = self.underway.front().filter(|write| write.until <= now) {
            // The simulation stands still until the real disk is as far: if its tasks went on, its course would depend on the disk.
            let ended = write.ended.recv().unwrap_or(Err(JournalError::Broken));
            self.broken = ended.is_err();
            ended?;
            self.durable = write.appended;
            self.underway.pop_front();
        }
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
        while let Some(until) = self.look(wanted)? {
            self.world.time.sleep(until.saturating_sub(self.world.time.now())).await;
        }
        Ok(())
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
                order.send(kept.sync_from(&runtime)).ok();
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

    /// Its first write fails, and the others would not.
    #[derive(Debug, Default)]
    struct Full(AtomicU64);

    #[async_trait]
    impl Journal for Full {
        fn append(&self, _: &Record) -> Result<(), JournalError> {
            Ok(())
        }

        async fn sync(&self) -> Result<(), JournalError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err(JournalError::Broken),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn nothing_is_durable_behind_a_write_that_failed_also_where_its_own_had_begun() {
        let sandbox = Sandbox::new(&Site::new(SiteName::new("lab").expect("a name")), 1);
        let journal = sandbox.journal(Arc::new(Full::default()));
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        sandbox.block_on(async {
            let record = |sequence| journal.append(&Record { sequence, at, event: Event::Stopping });
            let synced = async |sequence, after| {
                tokio::time::sleep(after).await;
                record(sequence).expect("it takes it");
                journal.sync().await
            };
            // The second write begins before the first has ended.
            let soon = GATHER + WRITE / 4;
            let ended = tokio::join!(synced(0, Duration::ZERO), synced(1, soon), synced(2, soon + GATHER + WRITE));
            assert!(matches!(ended, (Err(_), Err(_), Err(_))), "{ended:?}");
        });
    }
}
