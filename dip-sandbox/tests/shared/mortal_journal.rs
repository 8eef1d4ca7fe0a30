//! A journal whose disk fills up: so a run dies at a chosen point.

use std::sync::Mutex;

use async_trait::async_trait;
use dip_core::journal::{Journal, JournalError, Record};

/// A journal whose disk fills up after some records.
#[derive(Debug, Default)]
pub(crate) struct Mortal {
    pub(crate) records: Mutex<Vec<Record>>,
    pub(crate) life: usize,
}

#[async_trait]
impl Journal for Mortal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut records = self.records.lock().expect("nobody panics with the records locked");
        if records.len() >= self.life {
            return Err(JournalError::Broken);
        }
        records.push(record.clone());
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }
}
