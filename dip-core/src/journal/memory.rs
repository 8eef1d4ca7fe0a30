//! A journal in memory: for tests, and for runs that nobody will resume.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Journal, JournalError, Record};

/// Keeps records until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<Vec<Record>>,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All records so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }
}
