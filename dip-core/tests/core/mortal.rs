//! A journal whose process dies after some records; what was not synced by then may be lost.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use dip_core::journal::{Journal, JournalError, Record};

#[derive(Debug)]
pub(crate) struct Mortal {
    kept: Mutex<Kept>,
    life: usize,
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Record>,
    synced: usize,
}

impl Mortal {
    /// One that dies when it is given one record more than these.
    pub(crate) fn after(life: usize) -> Self {
        Self { kept: Mutex::default(), life }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nobody panics with the records locked")
    }

    /// All that was told to it.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.kept().records.clone()
    }

    /// How many of them are on disk whatever happens.
    pub(crate) fn synced(&self) -> usize {
        self.kept().synced
    }
}

#[async_trait]
impl Journal for Mortal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut kept = self.kept();
        if kept.records.len() >= self.life {
            return Err(JournalError::Broken);
        }
        kept.records.push(record.clone());
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let mut kept = self.kept();
        kept.synced = kept.records.len();
        Ok(())
    }
}
