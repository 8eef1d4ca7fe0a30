//! A journal whose disk takes time on the simulation's clock.
//!
//! On a real machine those who ask for their records to be made durable while the disk is busy share its next write: the group
//! commit. On virtual time a write would take no time at all, nobody could come during it, and each instant of the simulation
//! would cost a write of its own: about one a step, however many steps go on at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::journal::{Journal, JournalError, Record};
use tokio::sync::Mutex;

use crate::world::World;

/// How long a write takes: that of a slow disk under load. A step waits for two at most, which changes no run by much: a dozen
/// steps take some seconds longer, where a boot takes minutes. The longer it is, the more share it.
const WRITE: Duration = Duration::from_millis(100);

/// Keeps records in another journal, and lets each write to it take the time of a disk.
#[derive(Debug)]
pub(crate) struct SandboxJournal {
    world: Arc<World>,
    kept: Arc<dyn Journal>,
    /// How many records were ever appended.
    appended: AtomicU64,
    /// How many of them are known to be durable.
    durable: Mutex<u64>,
}

impl SandboxJournal {
    pub(crate) fn over(world: &Arc<World>, kept: Arc<dyn Journal>) -> Self {
        Self { world: Arc::clone(world), kept, appended: AtomicU64::new(0), durable: Mutex::new(0) }
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
        let mut durable = self.durable.lock().await;
        // Whoever wrote before has written our records too.
        if *durable >= wanted {
            return Ok(());
        }
        self.world.time.sleep(WRITE).await;
        let appended = self.appended.load(Ordering::Acquire);
        self.kept.sync().await?;
        *durable = appended;
        Ok(())
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
}
